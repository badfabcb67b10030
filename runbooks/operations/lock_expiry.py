"""Keeps the span of people's locks (``lock … --for 2h``) when the wall clock is set while the process runs."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NoReturn

import structlog

from domain.audit import AuditEntry, new_entry
from domain.clock import CLOCK_TOLERANCE, Clock, Seconds, Stopwatch, is_from_the_future
from domain.operations.locks import LockRecord
from domain.people import BOT
from runbooks.periodic import run_periodically
from storage.store import Store

log = structlog.get_logger()

LOOK_INTERVAL = timedelta(seconds=1)
"""A lock whose time seems to be over because the clock was set forward is not held for up to this long."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen at a time: the locks that expire, and a stopwatch, which nobody can set."""

    at: datetime
    since: Stopwatch
    locks: tuple[LockRecord, ...] = ()

    def clock_set_forward(self, at: datetime) -> timedelta:
        """How far the wall clock was set forward since this look; zero within the tolerance, or if it was set back."""
        ahead = at - self.at - self.since.elapsed
        return ahead if ahead > CLOCK_TOLERANCE else timedelta()


@dataclass(slots=True)
class LockExpiry:
    """Moves the end of locks with the clock. ``seconds`` measures spans, also while the machine is suspended.

    A clock that was set forward is seen by what passed since the last look, for the locks of that look. One that was set back is
    seen by a lock that was set later than now. An older lock then lasts longer: it is never shortened by a guess.
    """

    store: Store
    clock: Clock
    seconds: Seconds
    _last: _Look | None = field(default=None, init=False)

    async def run(self) -> NoReturn:
        """Look every second, until the process ends."""
        await run_periodically("lock expiry", LOOK_INTERVAL, self.run_once)

    async def run_once(self) -> None:
        """Move what has to be moved, then remember what expires. After an error the next look begins where this one did."""
        at, since = self.clock.now(), Stopwatch(self.seconds)
        forward = self._last.clock_set_forward(at) if self._last else timedelta()
        if self._last and forward:
            # As they were before: of the replicas that see the same change, one moves them.
            await self._move([(lock, forward) for lock in self._last.locks], at)
        locks = await self._expiring(at)
        ahead = [(lock, at - lock.since) for lock in locks if is_from_the_future(lock.since, at)]
        if ahead:
            await self._move(ahead, at)
            locks = await self._expiring(at)
        self._last = _Look(at, since, locks)

    async def _expiring(self, at: datetime) -> tuple[LockRecord, ...]:
        async with self.store.read() as tx:
            return tuple(lock for lock in await tx.locks.active(at) if lock.until is not None)

    async def _move(self, moves: list[tuple[LockRecord, timedelta]], at: datetime) -> None:
        async with self.store.write() as tx:
            for lock, by in moves:
                moved = _moved(lock, by)
                if await tx.locks.move(lock, moved):
                    log.warning("clock was set, lock moved", environment=lock.environment, by=str(by))
                    await tx.audit.append(_audit_entry(lock, moved, at))


def _moved(lock: LockRecord, by: timedelta) -> LockRecord:
    """The lock on the clock as it is now. Its begin moves too, so that a clock that is set right again moves it back."""
    return replace(lock, since=lock.since + by, until=lock.until + by if lock.until else None)


def _audit_entry(lock: LockRecord, moved: LockRecord, at: datetime) -> AuditEntry:
    return new_entry(
        key=f"lock-moved/{lock.environment}/{at.isoformat()}",
        at=at,
        who=BOT,
        what="lock",
        environment=lock.environment,
        why=lock.reason,
        outcome=f"the clock was set: locked until {moved.until:%d %b %H:%M} UTC, not {lock.until:%d %b %H:%M} UTC",
    )
