"""What Alertmanager's list of alerts is compared with, and what is remembered of earlier lists."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.reconciliation import KnownAlert
from storage.alerts import is_active
from storage.pruning import delete_batch
from storage.tables.alerts import alert_groups, alertmanagers, alerts
from storage.upsert import insert


class AlertScope(NamedTuple):
    """Groups of one sender in one environment. ``external_url`` is the address that the sending Alertmanager calls its own."""

    environment: str
    source: str
    external_url: str


class AlertmanagerRepository:
    """The rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def scopes(self, since: datetime) -> tuple[AlertScope, ...]:
        """The scopes of all groups that fire or were resolved after ``since``."""
        columns = (alert_groups.c.environment, alert_groups.c.source, alert_groups.c.external_url)
        rows = await self._connection.execute(select(*columns).where(is_active(since)).distinct().order_by(*columns))
        return tuple(AlertScope(*row) for row in rows)

    async def known_alerts(self, scope: AlertScope, since: datetime) -> tuple[KnownAlert, ...]:
        """The alerts of a scope's groups that fire or were resolved after ``since``. Alerts that the bot raised are left out."""
        groups = select(alert_groups.c.id).where(
            is_active(since),
            alert_groups.c.environment == scope.environment,
            alert_groups.c.source == scope.source,
            alert_groups.c.external_url == scope.external_url,
        )
        columns = (alerts.c.group_id, alerts.c.fingerprint, alerts.c.firing, alerts.c.absent_since)
        # Those of ``domain.alerts.watchdogs`` begin with an at sign: no Alertmanager knows them.
        where = alerts.c.group_id.in_(groups) & ~alerts.c.fingerprint.startswith("@")
        rows = await self._connection.execute(select(*columns).where(where))
        return tuple(map(KnownAlert._make, rows))

    async def absent_since(self, group_id: str) -> Mapping[str, datetime | None]:
        """By fingerprint, since when an alert of the group is absent; None for one that is not."""
        columns = (alerts.c.fingerprint, alerts.c.absent_since)
        rows = await self._connection.execute(select(*columns).where(alerts.c.group_id == group_id))
        return {fingerprint: since for fingerprint, since in rows}  # noqa: C416 -- rows are not pairs to mypy

    async def mark_absent(self, group_id: str, fingerprints: Iterable[str], since: datetime | None) -> None:
        """Record since when alerts are absent; None for those that are listed again."""
        rows = [{"in_group": group_id, "with_fingerprint": fingerprint} for fingerprint in fingerprints]
        if rows:
            where = (alerts.c.group_id == bindparam("in_group")) & (alerts.c.fingerprint == bindparam("with_fingerprint"))
            await self._connection.execute(update(alerts).where(where).values(absent_since=since), rows)

    async def is_matched(self, key: str) -> bool:
        """Whether an Alertmanager has once listed an alert of this sender."""
        statement = select(alertmanagers.c.key).where(alertmanagers.c.key == key)
        return (await self._connection.execute(statement)).first() is not None

    async def mark_matched(self, key: str, at: datetime) -> None:
        """Record that it has."""
        statement = insert(self._connection, alertmanagers).values(key=key, matched_at=at)
        await self._connection.execute(statement.on_conflict_do_nothing())

    async def prune(self, before: datetime) -> int:
        """Forget a batch of matches from before this time. The next list with an alert of that sender matches again."""
        return await delete_batch(self._connection, alertmanagers, alertmanagers.c.key, alertmanagers.c.matched_at < before)
