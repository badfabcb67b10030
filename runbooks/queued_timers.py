"""Timers whose work asks another system: they are queued, so that a slow one delays no other timer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn

import structlog

from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, DeepechoError
from storage.timers import TIMER_CLAIM_TIMEOUT, Timer

log = structlog.get_logger()

WORK_SECONDS = 40.0
"""For all requests of one timer."""
WORKERS = 4
"""A system that hangs does not keep those waiting that answer."""

_Claimed = tuple[Timer, datetime]
"""A timer, and when it was claimed."""


@dataclass(frozen=True, slots=True)
class QueuedTimers:
    """``work`` does what is due of a timer, and removes or moves its row in the end. ``name`` is for the log.

    The row stays until then: after a crash, an error or ``work_seconds`` the timer is claimed again in a minute.
    """

    name: str
    clock: Clock
    work: Callable[[Timer], Awaitable[None]]
    work_seconds: float = WORK_SECONDS
    _queue: asyncio.Queue[_Claimed] = field(default_factory=asyncio.Queue)
    _busy: dict[str, dict[str, _Claimed]] = field(default_factory=dict)
    """The subjects that are worked on, and what of each was claimed since, by its key."""

    @property
    def max_queue_age(self) -> timedelta:
        """A timer that has waited longer is left to its next claim: two replicas would work on its subject at once."""
        return TIMER_CLAIM_TIMEOUT - timedelta(seconds=self.work_seconds)

    async def submit(self, timer: Timer, at: datetime) -> None:
        """Queue a timer that was claimed ``at``."""
        self._queue.put_nowait((timer, at))

    async def join(self) -> None:
        """Wait until every queued timer was worked on, or left to its next claim."""
        await self._queue.join()

    async def run(self) -> NoReturn:
        """Work on queued timers, several at once and one of each subject, until the process ends."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(self._run_worker())
        raise AssertionError("workers work for ever")

    async def _run_worker(self) -> NoReturn:
        while True:
            timer, claimed_at = await self._queue.get()
            if timer.subject in self._busy:
                # It was set anew meanwhile: its turn comes right after. A worker that waited here would be missed by others.
                self._busy[timer.subject][timer.key] = timer, claimed_at
            elif self.clock.now() - claimed_at < self.max_queue_age:
                await self._process_alone(timer)
            self._queue.task_done()

    async def _process_alone(self, timer: Timer) -> None:
        self._busy[timer.subject] = {}
        try:
            await self._process(timer)
        finally:
            for claimed in self._busy.pop(timer.subject).values():
                self._queue.put_nowait(claimed)

    async def _process(self, timer: Timer) -> None:
        try:
            async with asyncio.timeout(self.work_seconds):
                await self.work(timer)
        except (DeepechoError, TimeoutError) as error:
            log.warning("work of a timer not done, retrying in a minute", work=self.name, subject=timer.subject, error=str(error))
        except UNEXPECTED_ERRORS:
            log.exception("work of a timer not done, retrying in a minute", work=self.name, subject=timer.subject)
