"""The sweep: proves every minute that whatever is open has something due next, or a reason why it has not.

It trusts nothing of what it looks at: it reads the rows, not what their workers believe. Each family says what is open and
forgotten, in a query whose cost does not grow with history.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from domain.clock import Clock
from domain.text import first_names
from runbooks.periodic import run_periodically
from storage.store import Store, Transaction

SWEEP_INTERVAL = timedelta(minutes=1)
MAX_SWEEP_AGE = timedelta(minutes=3)
"""A sweep that ended longer ago than this proves nothing any more."""
MAX_NAMED = 5

log = structlog.get_logger()

FindForgotten = Callable[[Transaction, datetime], Awaitable[Sequence[str]]]
"""The ids of what is open, and has neither a next due row nor a final reason, or has been due for minutes."""
Repair = Callable[[Transaction, str, datetime], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class DueCheck:
    """What one family has open. ``repair`` makes what was forgotten due at once; without one, people have to look."""

    name: str
    find: FindForgotten
    repair: Repair | None = None


class DueSweep:
    """Runs the checks of all families, and keeps what the last run found."""

    def __init__(self, store: Store, clock: Clock, checks: Sequence[DueCheck]) -> None:
        self._store, self._clock, self._checks = store, clock, tuple(checks)
        self.forgotten: tuple[str, ...] = ()
        self.repaired = 0
        self.runs = 0
        self.ended_at: datetime | None = None
        self._started_at = clock.now()

    async def run(self) -> None:
        """Sweep every minute, until the process ends."""
        await run_periodically("sweep", SWEEP_INTERVAL, self.run_once)

    async def run_once(self) -> None:
        """Look at everything that is open."""
        at = self._clock.now()
        forgotten: list[str] = []
        for check in self._checks:
            async with self._store.read() as tx:
                found = await check.find(tx, at)
            forgotten += found
            for subject in found:
                log.error("open and forgotten", subject=subject, check=check.name, repaired=check.repair is not None)
                await self._repair(check, subject, at)
        self.forgotten, self.ended_at = tuple(forgotten), at
        self.runs += 1

    async def _repair(self, check: DueCheck, subject: str, at: datetime) -> None:
        if check.repair is not None:
            async with self._store.write() as tx:
                await check.repair(tx, subject, at)
            self.repaired += 1

    @property
    def age(self) -> timedelta:
        """The time since the last sweep ended; since the start before the first one."""
        return max(timedelta(), self._clock.now() - (self.ended_at or self._started_at))

    @property
    def age_seconds(self) -> float:
        """The same in seconds."""
        return self.age.total_seconds()

    @property
    def is_proven(self) -> bool:
        """Whether the last sweep is recent, and has found nothing that was forgotten."""
        return self.age <= MAX_SWEEP_AGE and not self.forgotten

    def describe(self) -> str:
        """The result in words, for the readiness probe."""
        if self.age > MAX_SWEEP_AGE:
            return f"no sweep for {self.age.total_seconds():.0f} s"
        if self.forgotten:
            return f"nothing is due next for {first_names(self.forgotten, MAX_NAMED)}"
        return "whatever is open has something due next"
