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
MAX_QUEUE_AGE = TIMER_CLAIM_TIMEOUT - timedelta(seconds=WORK_SECONDS)
"""A timer that has waited longer is left to its next claim: two replicas would work on its subject at once."""


@dataclass(frozen=True, slots=True)
class QueuedTimers:
    """``work`` does what is due of a timer, and removes or moves its row in the end. ``name`` is for the log."""

    name: str
    clock: Clock
    work: Callable[[Timer], Awaitable[None]]
    _queue: "asyncio.Queue[tuple[Timer, datetime]]" = field(default_factory=asyncio.Queue)
    _busy: set[str] = field(default_factory=set)

    async def submit(self, timer: Timer, at: datetime) -> None:
        """Queue a timer that was claimed ``at``."""
        self._queue.put_nowait((timer, at))

    async def run(self) -> NoReturn:
        """Work on queued timers, several at once and one of each subject, until the process ends."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(self._run_worker())
        raise AssertionError("workers work for ever")

    async def _run_worker(self) -> NoReturn:
        while True:
            timer, taken_at = await self._queue.get()
            # One that was set anew while its subject is worked on is left to its next claim.
            if timer.subject in self._busy or self.clock.now() - taken_at >= MAX_QUEUE_AGE:
                continue
            self._busy.add(timer.subject)
            try:
                await self._process(timer)
            finally:
                self._busy.discard(timer.subject)

    async def _process(self, timer: Timer) -> None:
        # The timer is still there, and its claim expires in a minute.
        try:
            async with asyncio.timeout(WORK_SECONDS):
                await self.work(timer)
        except (DeepechoError, TimeoutError) as error:
            log.warning("work of a timer not done, retrying in a minute", work=self.name, subject=timer.subject, error=str(error))
        except UNEXPECTED_ERRORS:
            log.exception("work of a timer not done, retrying in a minute", work=self.name, subject=timer.subject)
