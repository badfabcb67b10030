"""Decides on a notification that says that alerts fire since before their known end: a late repetition, or they fire again."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from domain.alerts.alerts import Alert, Notification
from domain.alerts.groups import StoredGroup
from domain.alerts.links import links_of
from domain.alerts.reconciliation import ListedAlert, can_believe_absence, correction, fires_after_end, returned_explanation
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.inbound import InboundMessage
from integrations.alertmanager.webhook import parse_notification
from runbooks.alerts.alertmanager_list import AlertListReader
from runbooks.alerts.batch import GroupBatch
from runbooks.alerts.senders import is_matched
from runbooks.alerts.timers import DOUBT
from storage.alertmanagers import AlertScope
from storage.store import Store
from storage.timers import Timer


class Contradictions:
    """Asks Alertmanager, where there is one. Where nobody knows better, the alerts count as firing: none is dropped for good."""

    def __init__(self, store: Store, clock: Clock, catalogue: Callable[[], Catalogue], reader: AlertListReader) -> None:
        self._store, self._clock, self._catalogue, self._reader = store, clock, catalogue, reader

    async def decide(self, timer: Timer) -> None:
        """Apply the notification that a doubt timer names, or drop it. A later word of the end has removed the timer."""
        group_id = timer.key.removeprefix(f"{DOUBT}/")
        async with self._store.read() as tx:
            message, group = await tx.inbox.notification(timer.subject), await tx.alerts.get(group_id)
        addresses = self._catalogue().alertmanagers_of(group.environment, group.source) if group else ()
        listed = await self._listed(group_id, addresses) if addresses else None
        entry, at = self._catalogue().alerts, self._clock.now()
        async with self._store.write() as tx:
            await tx.alerts.lock_exclusively()
            if not await tx.timers.remove(timer.key, timer.due_at) or message is None or entry is None:
                return
            catalogue = self._catalogue()
            links = partial(links_of, catalogue=catalogue)
            batch = GroupBatch(tx, entry, links, has_incidents=catalogue.incidents is not None)
            stored = (await batch.load_groups([group_id])).get(group_id)
            alerts = _still_in_doubt(stored, parse_notification(message.body)) if stored else ()
            if listed is not None:
                alerts = tuple(each for each in alerts if stored and fires_after_end(stored.alerts[each.fingerprint], listed))
            if stored is not None and alerts:
                explanation = _explanation(alerts, listed, message, has_alertmanager=bool(addresses))
                await batch.correct(correction(stored.record, alerts, at, explanation), group_id)
                await batch.write(at)

    async def _listed(self, group_id: str, addresses: tuple[str, ...]) -> Mapping[str, ListedAlert] | None:
        """The list of these Alertmanagers; None where it does not say what has ended."""
        found, uptimes = await self._reader.read(addresses), await self._reader.uptimes(addresses)
        async with self._store.read() as tx:
            group = await tx.alerts.get(group_id)
            if group is None or uptimes is None or not found.complete:
                return None
            scope = AlertScope(group.environment, group.source, group.external_url)
            is_known = await is_matched(tx, scope, addresses) and can_believe_absence(group, uptimes, self._clock.now())
        return found.listed if is_known else None


def _still_in_doubt(stored: StoredGroup, notification: Notification) -> tuple[Alert, ...]:
    """The firing alerts of the notification that have ended as far as is known, with their stored labels."""
    known = stored.alerts
    return tuple(
        replace(known[each.fingerprint], firing=True, ends_at=None, starts_at=each.starts_at)
        for each in notification.alerts
        if each.firing and each.fingerprint in known and not known[each.fingerprint].firing
    )


def _explanation(
    alerts: tuple[Alert, ...], listed: Mapping[str, ListedAlert] | None, message: InboundMessage, *, has_alertmanager: bool
) -> str:
    if listed is not None:
        return returned_explanation(alerts, listed)
    said_at = _seconds(message.received_at)
    if has_alertmanager:
        return f"Alertmanager said so at {said_at} UTC, after it had reported the end, and cannot tell now which is true."
    return f"Alertmanager said so at {said_at} UTC, after it had reported the end, and has not taken it back since."


def _seconds(at: datetime) -> str:
    return f"{at:%H:%M:%S}"
