"""Which Alertmanager has the alerts of which sender: one that has never listed any of them cannot say that they ended."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.alerts.alerts import AlertGroup
from domain.catalogue.catalogue import Catalogue
from runbooks.alerts.timers import reconcile_timer
from storage.alertmanagers import AlertmanagerRepository, AlertScope
from storage.store import Transaction

FIRST_MATCH_INTERVAL = timedelta(seconds=5)
"""A new sender's alert is looked for in the list so soon: what ends before it was listed once cannot be recognised."""


def match_key(scope: AlertScope, addresses: Iterable[str]) -> str:
    """The key of a sender and the Alertmanagers that are asked about it."""
    parts = (scope.source, scope.external_url, *addresses)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


async def is_matched(tx: Transaction, scope: AlertScope, addresses: Iterable[str]) -> bool:
    """Whether these Alertmanagers have once listed an alert of this sender."""
    return await tx.of(AlertmanagerRepository).is_matched(match_key(scope, addresses))


async def look_for_new_senders(tx: Transaction, opened: Iterable[AlertGroup], catalogue: Catalogue, at: datetime) -> None:
    """Ask soon where a group was opened by a sender of which no Alertmanager has listed an alert yet."""
    scopes = {AlertScope(each.environment, each.source, each.external_url) for each in opened}
    for scope in sorted(scopes):
        addresses = catalogue.alertmanagers_of(scope.environment, scope.source)
        if addresses and not await is_matched(tx, scope, addresses):
            await tx.timers.bring_forward(reconcile_timer(addresses, at + FIRST_MATCH_INTERVAL))
