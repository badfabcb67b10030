"""Alert groups and their alerts. Read and written many at a time, because a storm brings a thousand in a minute."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, bindparam, case, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.alerts import Alert, AlertGroup, GroupState
from storage.outbox_messages import ALERT_CARD, adapter, card_key, dump, load
from storage.tables import alert_groups, alert_keys, alerts, messages
from storage.upsert import insert

_ONE_AT_A_TIME = 0x0DEE_9EC0
"""Names PostgreSQL's advisory lock for whoever applies notifications. SQLite has one writer anyway."""

AT_ONCE = 500
"""Values in one ``IN``: both databases take some 32,000 parameters a statement, and a group may have more alerts than that."""


class Alerts:
    """The rows of groups, keys and alerts on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def alone(self) -> None:
        """Until the transaction ends, nobody else applies notifications: their order is the order in which they came."""
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))

    async def ids_of(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Which group each key names now; a key that names none is absent."""
        found: dict[str, str] = {}
        for some in _portions(keys):
            rows = await self._connection.execute(
                select(alert_keys.c.key, alert_keys.c.group_id).where(alert_keys.c.key.in_(some))
            )
            found.update((key, group_id) for key, group_id in rows)
        return found

    async def groups(self, ids: Iterable[str]) -> Mapping[str, AlertGroup]:
        """Groups by id, their rows locked until the transaction ends."""
        found: dict[str, AlertGroup] = {}
        for some in _portions(sorted(ids)):
            statement = select(alert_groups.c.record).where(alert_groups.c.id.in_(some)).order_by(alert_groups.c.id)
            for record in (await self._connection.execute(statement.with_for_update())).scalars():
                group = _read(record)
                found[group.id] = group
        return found

    async def get(self, group_id: str) -> AlertGroup | None:
        """The group, without locking it."""
        statement = select(alert_groups.c.record).where(alert_groups.c.id == group_id)
        record = (await self._connection.execute(statement)).scalar_one_or_none()
        return None if record is None else _read(record)

    async def alerts_of(self, ids: Iterable[str]) -> Mapping[str, Mapping[str, Alert]]:
        """Group to fingerprint to alert."""
        found: dict[str, dict[str, Alert]] = {}
        for some in _portions(ids):
            statement = select(alerts.c.group_id, alerts.c.alert).where(alerts.c.group_id.in_(some))
            for group_id, kept in await self._connection.execute(statement):
                alert: Alert = adapter(Alert).validate_json(kept)
                found.setdefault(group_id, {})[alert.fingerprint] = alert
        return found

    async def holders_of(self, fingerprints: Iterable[str], *, alive_since: datetime) -> Mapping[str, frozenset[str]]:
        """Fingerprint to the groups that hold it and fire, or were resolved after ``alive_since``."""
        found: dict[str, set[str]] = {}
        alive = alert_groups.c.firing | (alert_groups.c.resolved_at > alive_since)
        joined = alerts.join(alert_groups, alert_groups.c.id == alerts.c.group_id)
        for some in _portions(fingerprints):
            statement = select(alerts.c.fingerprint, alerts.c.group_id).select_from(joined)
            for fingerprint, group_id in await self._connection.execute(statement.where(alerts.c.fingerprint.in_(some), alive)):
                found.setdefault(fingerprint, set()).add(group_id)
        return {fingerprint: frozenset(ids) for fingerprint, ids in found.items()}

    async def point(self, keys: Mapping[str, str]) -> None:
        """From now on these keys name these groups."""
        if keys:
            statement = insert(self._connection, alert_keys)
            moved = statement.on_conflict_do_update(index_elements=["key"], set_={"group_id": statement.excluded.group_id})
            await self._connection.execute(moved, [{"key": key, "group_id": group_id} for key, group_id in keys.items()])

    async def save(self, records: Sequence[AlertGroup]) -> None:
        """Write groups, new or known; whoever does has them locked, or is alone."""
        if records:
            statement = insert(self._connection, alert_groups)
            written = {name: statement.excluded[name] for name in _columns(records[0]) if name != "id"}
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=["id"], set_=written), [_columns(each) for each in records]
            )

    async def save_alerts(self, moved: Mapping[str, Iterable[Alert]]) -> None:
        """Write alerts, by group."""
        rows = [
            {"group_id": group_id, "fingerprint": each.fingerprint, "firing": each.firing, "alert": dump(each)}
            for group_id, every in moved.items()
            for each in every
        ]
        if rows:
            statement = insert(self._connection, alerts)
            written = {name: statement.excluded[name] for name in ("firing", "alert")}
            upsert = statement.on_conflict_do_update(index_elements=["group_id", "fingerprint"], set_=written)
            await self._connection.execute(upsert, rows)

    async def forget(self, fingerprints: Mapping[str, Iterable[str]]) -> None:
        """Drop alerts, by group."""
        rows = [{"of": group_id, "named": each} for group_id, every in fingerprints.items() for each in every]
        if rows:
            where = (alerts.c.group_id == bindparam("of")) & (alerts.c.fingerprint == bindparam("named"))
            await self._connection.execute(delete(alerts).where(where), rows)

    async def known_ids(self, ids: Iterable[str]) -> frozenset[str]:
        """Which of these ids are taken, also by groups that were dropped: their cards are still in Slack."""
        return await ids_taken(self._connection, alert_groups.c.id, ids)

    async def opened_since(self, channel: str, since: datetime) -> tuple[datetime, ...]:
        """When the groups of a channel that are younger than this were first heard of."""
        where = (alert_groups.c.channel == channel) & (alert_groups.c.seen_at > since)
        return tuple((await self._connection.execute(select(alert_groups.c.seen_at).where(where))).scalars())

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
        """Groups that fire first, the worst and newest first, and how many there are in all.

        ``environments`` are those that may be seen; the nameless one is always among them.
        """
        seen = alert_groups.c.environment.in_(["", *environments])
        where = seen & (alert_groups.c.environment == environment) if environment else seen
        if firing is not None:
            where &= alert_groups.c.firing.is_(firing)
        if silenced is not None:
            where &= alert_groups.c.silenced.is_(silenced)
        if acknowledged_by:
            where &= alert_groups.c.acknowledged_by == acknowledged_by
        order = (case((alert_groups.c.firing, 0), else_=1), alert_groups.c.severity, alert_groups.c.seen_at.desc())
        found = await self._connection.execute(select(alert_groups.c.record).where(where).order_by(*order).limit(limit))
        count = await self._connection.execute(select(func.count()).select_from(alert_groups).where(where))
        return tuple(_read(record) for record in found.scalars()), count.scalar_one()

    async def prune(self, before: datetime) -> None:
        """Drop groups that were resolved long ago, with all that belongs to them."""
        await self.alone()
        gone = select(alert_groups.c.id).where(alert_groups.c.resolved_at < before)
        await self._connection.execute(delete(alerts).where(alerts.c.group_id.in_(gone)))
        await self._connection.execute(delete(alert_keys).where(alert_keys.c.group_id.in_(gone)))
        await self._connection.execute(delete(alert_groups).where(alert_groups.c.resolved_at < before))


async def ids_taken(connection: AsyncConnection, column: Column[str], ids: Iterable[str]) -> frozenset[str]:
    """Which of these ids are in the column, or name a card that is in Slack."""
    taken: set[str] = set()
    for some in _portions(ids):
        cards = {card_key(each): each for each in some}
        taken |= set((await connection.execute(select(column).where(column.in_(some)))).scalars())
        said = await connection.execute(select(messages.c.key).where(messages.c.key.in_(cards)))
        taken |= {cards[key] for key in said.scalars()}
    return frozenset(taken)


def _portions(values: Iterable[str]) -> Iterable[list[str]]:
    every = list(dict.fromkeys(values))
    return (every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE))


def _read(record: str) -> AlertGroup:
    group: AlertGroup = load(ALERT_CARD.name, ALERT_CARD.version, record)
    return group


def _columns(record: AlertGroup) -> dict[str, Any]:
    return {
        "id": record.id,
        "channel": record.channel,
        "environment": record.environment,
        "severity": record.severity.value,
        "title": record.title,
        "firing": record.state is GroupState.FIRING,
        "seen_at": record.seen_at,
        "resolved_at": record.resolved_at,
        "storm": record.storm,
        "acknowledged_by": record.acknowledgement.by.user_id if record.acknowledgement else "",
        "silenced": record.silence is not None,
        "record": dump(record),
    }
