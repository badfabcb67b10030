"""Runs due timers. A timer is a row with a time, so that it survives restarts; the ticker only calls ``run_due``."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, DeepechoError, Refused
from storage.store import Store
from storage.timers import Timer

log = structlog.get_logger()

TimerHandler = Callable[[Timer, datetime], Awaitable[None]]
"""Handles a due timer and removes or moves its row in the end. After an exception the timer is retried in a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerDispatcher:
    """Runs each due timer on one of the replicas, late rather than never. ``handlers`` are keyed by timer kind."""

    store: Store
    clock: Clock
    replica: str
    handlers: Mapping[str, TimerHandler]

    async def run_due(self) -> None:
        """Claim and handle every due timer."""
        at = self.clock.now()
        async with self.store.read() as tx:
            was_set_back = await tx.timers.was_clock_set_back(at)
        if was_set_back:
            async with self.store.write() as tx:
                log.warning("clock was set back", timers=await tx.timers.shift_after_clock_set_back(at))
        async with self.store.read() as tx:
            due = await tx.timers.due(at)
        for timer in due:
            async with self.store.write() as tx:
                claimed = await tx.timers.claim(timer, self.replica, at)
            if claimed:
                await self._run_handler(self.handlers.get(timer.kind, _unknown_kind), timer, at)

    async def _run_handler(self, handler: TimerHandler, timer: Timer, at: datetime) -> None:
        # The row stays and its claim expires in a minute. An error must not keep the other timers from being handled.
        try:
            await handler(timer, at)
        except DeepechoError as error:
            log.warning("timer handler failed, retrying in a minute", timer=timer.key, error=str(error))
        except UNEXPECTED_ERRORS:
            log.exception("timer handler failed, retrying in a minute", timer=timer.key)


async def _unknown_kind(timer: Timer, _at: datetime) -> None:
    raise Refused(f"This version of deepecho does not know timers of the kind {timer.kind}; another one does.")
