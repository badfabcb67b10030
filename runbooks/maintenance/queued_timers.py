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
"""For all requests of one window."""
MAX_QUEUE_AGE = TIMER_CLAIM_TIMEOUT - timedelta(seconds=WORK_SECONDS)
"""A timer that has waited longer is left to its next claim: two replicas would work on its window at once."""


@dataclass(frozen=True, slots=True)
class QueuedTimers:
    """``work`` does what is due of a timer, and removes or moves its row in the end. ``name`` is for the log."""

    name: str
    clock: Clock
    work: Callable[[Timer], Awaitable[None]]
    _queue: "asyncio.Queue[tuple[Timer, datetime]]" = field(default_factory=asyncio.Queue)

    async def submit(self, timer: Timer, at: datetime) -> None:
        """Queue a timer that was claimed ``at``."""
        self._queue.put_nowait((timer, at))

    async def run(self) -> NoReturn:
        """Work on queued timers, until the process ends."""
        while True:
            timer, taken_at = await self._queue.get()
            if self.clock.now() - taken_at < MAX_QUEUE_AGE:
                await self._process(timer)

    async def _process(self, timer: Timer) -> None:
        # The timer is still there, and its claim expires in a minute.
        try:
            async with asyncio.timeout(WORK_SECONDS):
                await self.work(timer)
        except (DeepechoError, TimeoutError) as error:
            log.warning("work of a timer not done, retrying in a minute", work=self.name, subject=timer.subject, error=str(error))
        except UNEXPECTED_ERRORS:
            log.exception("work of a timer not done, retrying in a minute", work=self.name, subject=timer.subject)
