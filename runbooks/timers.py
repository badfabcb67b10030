"""What is due: approvals that ran out, replicas that go back. Rows with a time; the scheduler only wakes this up."""

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
"""Does what a timer rings for, and says in the end that it is done. What it raises puts it off by a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerDispatcher:
    """Does what is due, once on any number of replicas, late rather than never. ``handlers`` are keyed by timer kind."""

    store: Store
    clock: Clock
    replica: str
    handlers: Mapping[str, TimerHandler]

    async def run_due(self) -> None:
        """Do everything whose time has come."""
        at = self.clock.now()
        async with self.store.read() as tx:
            due = await tx.timers.due(at)
        for timer in due:
            async with self.store.write() as tx:
                claimed = await tx.timers.claim(timer, self.replica, at)
            if claimed:
                await self._run_handler(self.handlers.get(timer.kind, _unknown_kind), timer, at)

    async def _run_handler(self, handler: TimerHandler, timer: Timer, at: datetime) -> None:
        # The row stays and is taken again in a minute; the other timers must not wait for it.
        try:
            await handler(timer, at)
        except DeepechoError as error:
            log.warning("timer handler failed, retrying in a minute", timer=timer.key, error=str(error))
        except UNEXPECTED_ERRORS:
            log.exception("timer handler failed, retrying in a minute", timer=timer.key)


async def _unknown_kind(timer: Timer, _at: datetime) -> None:
    raise Refused(f"This version of deepecho does not know timers of the kind {timer.kind}; another one does.")
