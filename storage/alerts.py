"""Alert groups and their alerts. They are read and written in batches, because a storm brings a thousand in a minute."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, bindparam, case, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.alerts import Alert, AlertGroup, GroupState
from storage.outbox_messages import ALERT_CARD, card_key, dump, type_adapter
from storage.pruning import prunable_ids
from storage.tables.alerts import alert_groups, alert_keys, alerts
from storage.tables.core import messages
from storage.upsert import insert

_INTAKE_LOCK_KEY = 0x0DEE_9EC0
"""Key of PostgreSQL's advisory lock for applying notifications. SQLite has one writer anyway."""

PRUNE_BATCH_GROUPS = 20
"""Maximum groups that one call of ``prune`` deletes: each may have a thousand alerts."""

MAX_IN_VALUES = 500
"""Maximum values in one ``IN``: both databases accept some 32,000 parameters, and a group may have more alerts."""


class AlertRepository:
    """The rows of groups, keys and alerts on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_exclusively(self) -> None:
        """Let nobody else apply notifications until the transaction ends, so that they are applied in order of arrival."""
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text(f"SELECT pg_advisory_xact_lock({_INTAKE_LOCK_KEY})"))

    async def group_ids_by_key(self, keys: Iterable[str]) -> Mapping[str, str]:
        """The group that each key names; a key without a group is absent."""
        group_ids: dict[str, str] = {}
        for chunk in _chunks(keys):
            rows = await self._connection.execute(
                select(alert_keys.c.key, alert_keys.c.group_id).where(alert_keys.c.key.in_(chunk))
            )
            group_ids.update((key, group_id) for key, group_id in rows)
        return group_ids

    async def get_many_for_update(self, ids: Iterable[str]) -> Mapping[str, AlertGroup]:
        """Groups by id, with their rows locked until the transaction ends."""
        groups: dict[str, AlertGroup] = {}
        # Every transaction locks groups in the order of their ids: otherwise two of them could deadlock.
        for chunk in _chunks(sorted(ids)):
            statement = select(alert_groups.c.record).where(alert_groups.c.id.in_(chunk)).order_by(alert_groups.c.id)
            for record in (await self._connection.execute(statement.with_for_update())).scalars():
                group = _read(record)
                groups[group.id] = group
        return groups

    async def get(self, group_id: str) -> AlertGroup | None:
        """The group, without locking its row; None if there is none."""
        statement = select(alert_groups.c.record).where(alert_groups.c.id == group_id)
        record = (await self._connection.execute(statement)).scalar_one_or_none()
        return None if record is None else _read(record)

    async def alerts_by_group(self, ids: Iterable[str]) -> Mapping[str, Mapping[str, Alert]]:
        """Alerts by group id and fingerprint."""
        by_group: dict[str, dict[str, Alert]] = {}
        for chunk in _chunks(ids):
            statement = select(alerts.c.group_id, alerts.c.alert).where(alerts.c.group_id.in_(chunk))
            for group_id, stored in await self._connection.execute(statement):
                alert: Alert = type_adapter(Alert).validate_json(stored)
                by_group.setdefault(group_id, {})[alert.fingerprint] = alert
        return by_group

    async def groups_by_fingerprint(self, fingerprints: Iterable[str], *, active_since: datetime) -> Mapping[str, frozenset[str]]:
        """By fingerprint, the groups of all sources with that alert that fire or were resolved after ``active_since``."""
        group_ids: dict[str, set[str]] = {}
        active = is_active(active_since)
        joined = alerts.join(alert_groups, alert_groups.c.id == alerts.c.group_id)
        for chunk in _chunks(fingerprints):
            statement = select(alerts.c.fingerprint, alerts.c.group_id).select_from(joined)
            for fingerprint, group_id in await self._connection.execute(statement.where(alerts.c.fingerprint.in_(chunk), active)):
                group_ids.setdefault(fingerprint, set()).add(group_id)
        return {fingerprint: frozenset(ids) for fingerprint, ids in group_ids.items()}

    async def assign_keys(self, keys: Mapping[str, str]) -> None:
        """Let these keys name these groups from now on."""
        if keys:
            statement = insert(self._connection, alert_keys)
            upsert = statement.on_conflict_do_update(index_elements=["key"], set_={"group_id": statement.excluded.group_id})
            await self._connection.execute(upsert, [{"key": key, "group_id": group_id} for key, group_id in keys.items()])

    async def save(self, groups: Sequence[AlertGroup]) -> None:
        """Insert or update groups. The caller has locked their rows, or all of intake."""
        if groups:
            statement = insert(self._connection, alert_groups)
            updated_columns = {name: statement.excluded[name] for name in _columns(groups[0]) if name != "id"}
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=["id"], set_=updated_columns), [_columns(each) for each in groups]
            )

    async def save_alerts(self, alerts_by_group: Mapping[str, Iterable[Alert]]) -> None:
        """Insert or update alerts, by group. What was known of their absence no longer counts: there is newer information."""
        rows = [
            {
                "group_id": group_id,
                "fingerprint": alert.fingerprint,
                "firing": alert.firing,
                "alert": dump(alert),
                "absent_since": None,
            }
            for group_id, group_alerts in alerts_by_group.items()
            for alert in group_alerts
        ]
        if rows:
            statement = insert(self._connection, alerts)
            updated_columns = {name: statement.excluded[name] for name in ("firing", "alert", "absent_since")}
            upsert = statement.on_conflict_do_update(index_elements=["group_id", "fingerprint"], set_=updated_columns)
            await self._connection.execute(upsert, rows)

    async def delete_alerts(self, fingerprints_by_group: Mapping[str, Iterable[str]]) -> None:
        """Delete alerts, by group."""
        rows = [
            {"in_group": group_id, "with_fingerprint": fingerprint}
            for group_id, fingerprints in fingerprints_by_group.items()
            for fingerprint in fingerprints
        ]
        if rows:
            where = (alerts.c.group_id == bindparam("in_group")) & (alerts.c.fingerprint == bindparam("with_fingerprint"))
            await self._connection.execute(delete(alerts).where(where), rows)

    async def known_ids(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of the ids that are in use, also by deleted groups whose cards are still in Slack."""
        return await find_known_ids(self._connection, alert_groups.c.id, ids)

    async def stored_ids(self, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that are stored groups."""
        statement = select(alert_groups.c.id).where(alert_groups.c.id.in_(ids))
        return frozenset((await self._connection.execute(statement)).scalars())

    async def opened_since(self, channel: str, since: datetime) -> tuple[datetime, ...]:
        """When each group of the channel that is newer than ``since`` was first seen."""
        where = (alert_groups.c.channel == channel) & (alert_groups.c.seen_at > since)
        return tuple((await self._connection.execute(select(alert_groups.c.seen_at).where(where))).scalars())

    async def titles_since(self, environment: str, since: datetime) -> tuple[str, ...]:
        """The title of each group of an environment, or of none, that was first seen after ``since``."""
        where = alert_groups.c.environment.in_(["", environment]) & (alert_groups.c.seen_at > since)
        return tuple((await self._connection.execute(select(alert_groups.c.title).where(where))).scalars())

    async def active_since(self, environment: str, since: datetime, *, limit: int = 500) -> tuple[AlertGroup, ...]:
        """Groups of an environment that fire or have ended since then, the newest first."""
        is_active = alert_groups.c.firing | (alert_groups.c.resolved_at >= since)
        statement = select(alert_groups.c.record).where((alert_groups.c.environment == environment) & is_active)
        records = await self._connection.execute(statement.order_by(alert_groups.c.seen_at.desc()).limit(limit))
        return tuple(_read(record) for record in records.scalars())

    async def search(
        self,
        *,
        environments: Iterable[str],
        environment: str = "",
        firing: bool | None = None,
        silenced: bool | None = None,
        acknowledged_by: str = "",
        limit: int = 30,
    ) -> tuple[tuple[AlertGroup, ...], int]:
        """Find groups, and how many there are in all: firing ones first, then by severity, then the newest first.

        ``environments`` are those that the person may see. Groups without an environment are always found.
        """
        is_visible = alert_groups.c.environment.in_(["", *environments])
        where = is_visible & (alert_groups.c.environment == environment) if environment else is_visible
        if firing is not None:
            where &= alert_groups.c.firing.is_(firing)
        if silenced is not None:
            where &= alert_groups.c.silenced.is_(silenced)
        if acknowledged_by:
            where &= alert_groups.c.acknowledged_by == acknowledged_by
        order = (case((alert_groups.c.firing, 0), else_=1), alert_groups.c.severity, alert_groups.c.seen_at.desc())
        records = await self._connection.execute(select(alert_groups.c.record).where(where).order_by(*order).limit(limit))
        count = await self._connection.execute(select(func.count()).select_from(alert_groups).where(where))
        return tuple(_read(record) for record in records.scalars()), count.scalar_one()

    async def prune(self, before: datetime) -> int:
        """Delete a batch of groups that were resolved before this time, with their alerts and keys; returns how many.

        One that a timer or an unsent message is about stays.
        """
        # A notification that is applied between these statements could reopen a group whose alerts are deleted already.
        await self.lock_exclusively()
        is_expired = alert_groups.c.resolved_at < before
        expired_ids = await prunable_ids(self._connection, alert_groups.c.id, is_expired, PRUNE_BATCH_GROUPS)
        for table in (alerts, alert_keys):
            await self._connection.execute(delete(table).where(table.c.group_id.in_(expired_ids)))
        await self._connection.execute(delete(alert_groups).where(alert_groups.c.id.in_(expired_ids)))
        return len(expired_ids)


async def find_known_ids(connection: AsyncConnection, column: Column[str], ids: Iterable[str]) -> frozenset[str]:
    """Those of the ids that are in the column, or that name a card in Slack."""
    known_ids: set[str] = set()
    for chunk in _chunks(ids):
        ids_by_card_key = {card_key(each): each for each in chunk}
        known_ids |= set((await connection.execute(select(column).where(column.in_(chunk)))).scalars())
        sent_keys = await connection.execute(select(messages.c.key).where(messages.c.key.in_(ids_by_card_key)))
        known_ids |= {ids_by_card_key[key] for key in sent_keys.scalars()}
    return frozenset(known_ids)


def is_active(since: datetime) -> ColumnElement[bool]:
    """Groups that fire or were resolved after ``since``."""
    return alert_groups.c.firing | (alert_groups.c.resolved_at > since)


def _chunks(values: Iterable[str]) -> Iterable[list[str]]:
    unique = list(dict.fromkeys(values))
    return (unique[start : start + MAX_IN_VALUES] for start in range(0, len(unique), MAX_IN_VALUES))


def _read(record: str) -> AlertGroup:
    group: AlertGroup = ALERT_CARD.load(record)
    return group


def _columns(group: AlertGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "channel": group.channel,
        "environment": group.environment,
        "severity": group.severity.value,
        "title": group.title,
        "firing": group.state is GroupState.FIRING,
        "seen_at": group.seen_at,
        "resolved_at": group.resolved_at,
        "storm": group.storm,
        "acknowledged_by": group.acknowledgement.by.user_id if group.acknowledgement else "",
        "silenced": group.silence is not None,
        "source": group.source,
        "external_url": group.external_url,
        "record": dump(group),
    }
