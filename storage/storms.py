"""Storms, and the numbers on their cards: they are counted from the groups each time, so that no error lasts."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.alerts import AlertGroup
from domain.alerts.storms import FoldedGroup, Storm, StormCard, Tally
from domain.severities import Severity
from storage.alerts import find_known_ids
from storage.outbox_messages import ALERT_CARD
from storage.pruning import delete_batch, is_unneeded
from storage.tables.alerts import alert_groups, storms
from storage.upsert import insert

MAX_TALLIES = 20
MAX_WORST_GROUPS = 12
"""Maximum lines of each kind on a card."""


class StormRepository:
    """The storms' rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, storm_id: str) -> Storm | None:
        """The storm; None if there is none."""
        return await self._newest_where(storms.c.id == storm_id)

    async def known_ids(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of the ids that are in use, also by deleted storms whose cards are still in Slack."""
        return await find_known_ids(self._connection, storms.c.id, ids)

    async def stored_ids(self, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that are stored storms."""
        return frozenset((await self._connection.execute(select(storms.c.id).where(storms.c.id.in_(ids)))).scalars())

    async def latest_open(self, channel: str) -> Storm | None:
        """The newest storm of a channel that has not ended, or None."""
        return await self._newest_where((storms.c.channel == channel) & storms.c.ended_at.is_(None))

    async def save(self, storm: Storm) -> None:
        """Insert or update a storm."""
        values: dict[str, Any] = {
            "id": storm.id,
            "channel": storm.channel,
            "began_at": storm.began_at,
            "last_at": storm.last_at,
            "ended_at": storm.ended_at,
        }
        statement = insert(self._connection, storms).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))

    async def card(self, storm: Storm, at: datetime) -> StormCard:
        """Count what the storm's card shows now. The storm's row stays locked until the transaction ends."""
        # Without the lock, a transaction that counted earlier could put its card later, and old numbers would stay.
        await self._connection.execute(select(storms.c.id).where(storms.c.id == storm.id).with_for_update())
        is_in_storm = alert_groups.c.storm == storm.id
        firing = func.sum(case((alert_groups.c.firing, 1), else_=0)).label("firing")
        groups = func.count().label("groups")
        tallies = await self._connection.execute(
            select(alert_groups.c.title, alert_groups.c.severity, groups, firing)
            .where(is_in_storm)
            .group_by(alert_groups.c.title, alert_groups.c.severity)
            .order_by(alert_groups.c.severity, groups.desc(), alert_groups.c.title)
        )
        worst = await self._connection.execute(
            select(alert_groups.c.record)
            .where(is_in_storm, alert_groups.c.firing)
            .order_by(alert_groups.c.severity, alert_groups.c.seen_at.desc(), alert_groups.c.id)
            .limit(MAX_WORST_GROUPS)
        )
        return StormCard(
            storm=storm,
            at=at,
            tallies=_limit_tallies([Tally(title=t, severity=Severity(s), groups=g, firing=f) for t, s, g, f in tallies]),
            worst=tuple(_folded_group(record) for record in worst.scalars()),
        )

    async def prune(self, before: datetime) -> int:
        """Delete a batch of storms that ended before this time; returns how many. A group without a card of its own needs it."""
        has_groups = exists().where(alert_groups.c.storm == storms.c.id)
        is_over = (storms.c.ended_at < before) & ~has_groups & is_unneeded(storms.c.id)
        return await delete_batch(self._connection, storms, storms.c.id, is_over)

    async def _newest_where(self, where: Any) -> Storm | None:
        columns = (storms.c.id, storms.c.channel, storms.c.began_at, storms.c.last_at, storms.c.ended_at)
        statement = select(*columns).where(where).order_by(storms.c.last_at.desc()).limit(1)
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        return None if row is None else Storm(**row)


def _folded_group(record: str) -> FoldedGroup:
    group: AlertGroup = ALERT_CARD.load(record)
    return FoldedGroup(
        id=group.id, title=group.title, severity=group.severity, environment=group.environment, labels=group.labels
    )


def _limit_tallies(tallies: list[Tally]) -> tuple[Tally, ...]:
    """The first tallies, and the rest as one line for each severity, so that the sums stay correct."""
    shown, rest = tallies[:MAX_TALLIES], tallies[MAX_TALLIES:]
    for severity in dict.fromkeys(each.severity for each in rest):
        others = [each for each in rest if each.severity is severity]
        title = f"{len(others)} other names"
        shown.append(
            Tally(
                title=title,
                severity=severity,
                groups=sum(each.groups for each in others),
                firing=sum(each.firing for each in others),
            )
        )
    return tuple(shown)
