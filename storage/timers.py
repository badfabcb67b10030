"""Timers: rows with a due time. A replica claims a timer by compare-and-set, so that one of them handles it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clock import CLOCK_TOLERANCE
from storage.tables.core import timers
from storage.upsert import insert

TIMER_CLAIM_TIMEOUT = timedelta(seconds=60)
"""A timer that was claimed this long ago and still exists: the replica that claimed it died, and another may claim it."""


@dataclass(frozen=True, slots=True)
class Timer:
    """Work that is due at ``due_at``. ``kind`` selects the handler; ``subject`` names an operation, group, storm or watchdog."""

    key: str
    kind: str
    subject: str
    due_at: datetime


class TimerRepository:
    """The timers' rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def set(self, timer: Timer, since: datetime | None = None) -> None:
        """Set a timer. One with the same key is replaced and its claim removed.

        ``since``: now, for a timer that waits for a span of time. If the clock is set back, it is due earlier by as much. Without
        it, the timer is due at that time of the clock.
        """
        values = {
            "key": timer.key,
            "kind": timer.kind,
            "subject": timer.subject,
            "due_at": timer.due_at,
            "claimed_by": "",
            "claimed_at": None,
            "set_at": since,
        }
        statement = insert(self._connection, timers).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))

    async def set_unless_running(self, timer: Timer, at: datetime) -> None:
        """Set a timer, unless one with the same key is due later than ``at``."""
        values = {"key": timer.key, "kind": timer.kind, "subject": timer.subject, "due_at": timer.due_at, "set_at": at}
        reset = {"due_at": timer.due_at, "claimed_by": "", "claimed_at": None, "set_at": at}
        statement = insert(self._connection, timers).values(**values)
        is_expired = timers.c.due_at <= at
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=reset, where=is_expired))

    async def bring_forward(self, timer: Timer) -> None:
        """Set a timer, unless one with the same key is due earlier."""
        values = {"key": timer.key, "kind": timer.kind, "subject": timer.subject, "due_at": timer.due_at}
        reset = {"due_at": timer.due_at, "claimed_by": "", "claimed_at": None}
        statement = insert(self._connection, timers).values(**values)
        is_later = timers.c.due_at > timer.due_at
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=reset, where=is_later))

    async def shift_after_clock_set_back(self, at: datetime) -> int:
        """Let timers that wait for a span, and were set at a time that is yet to come, be due earlier by as much.

        Returns how many. Otherwise they would wait for as long as the clock was set back, in addition to their span.
        """
        columns = (timers.c.key, timers.c.due_at, timers.c.set_at)
        statement = select(*columns).where(timers.c.set_at > at + CLOCK_TOLERANCE).with_for_update()
        rows = (await self._connection.execute(statement)).all()
        for key, due_at, set_at in rows:
            shifted = {"due_at": due_at - (set_at - at), "set_at": at, "claimed_by": "", "claimed_at": None}
            await self._connection.execute(update(timers).where(timers.c.key == key).values(**shifted))
        return len(rows)

    async def was_clock_set_back(self, at: datetime) -> bool:
        """Whether a timer was set at a time that is yet to come."""
        return bool((await self._connection.execute(select(exists().where(timers.c.set_at > at + CLOCK_TOLERANCE)))).scalar_one())

    async def due(self, at: datetime, *, limit: int = 20) -> tuple[Timer, ...]:
        """Timers that are due and have no valid claim, oldest first."""
        statement = select(timers.c.key, timers.c.kind, timers.c.subject, timers.c.due_at).where(
            timers.c.due_at <= at, _is_unclaimed(at)
        )
        return tuple(Timer(*row) for row in await self._connection.execute(statement.order_by(timers.c.due_at).limit(limit)))

    async def due_at(self, key: str) -> datetime | None:
        """When a timer is due; None without it."""
        return (await self._connection.execute(select(timers.c.due_at).where(timers.c.key == key))).scalar_one_or_none()

    async def claim(self, timer: Timer, replica: str, at: datetime) -> bool:
        """Claim a due timer. False if another replica was first, or if the timer was set to another time."""
        where = (timers.c.key == timer.key) & (timers.c.due_at == timer.due_at) & _is_unclaimed(at)
        return (
            await self._connection.execute(update(timers).where(where).values(claimed_by=replica, claimed_at=at))
        ).rowcount == 1

    async def remove(self, key: str, due_at: datetime | None = None) -> bool:
        """Remove a timer. With ``due_at``, only if it is still due then; False if there was none to remove.

        A handler passes ``due_at``, so that it does not remove a timer that was set anew while the handler ran.
        """
        where = timers.c.key == key
        if due_at is not None:
            where &= timers.c.due_at == due_at
        return (await self._connection.execute(delete(timers).where(where))).rowcount == 1


def _is_unclaimed(at: datetime) -> ColumnElement[bool]:
    """Whether nobody handles the timer. A claim of a time that is yet to come was made before the clock was set back."""
    is_expired = (timers.c.claimed_at < at - TIMER_CLAIM_TIMEOUT) | (timers.c.claimed_at > at + CLOCK_TOLERANCE)
    return or_(timers.c.claimed_at.is_(None), is_expired)
