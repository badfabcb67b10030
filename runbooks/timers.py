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

Handler = Callable[[Timer, datetime], Awaitable[None]]
"""Does what a timer rings for, and says in the end that it is done. What it raises puts it off by a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Does what is due, once on any number of replicas, late rather than never. ``handlers`` are keyed by timer kind."""

    store: Store
    clock: Clock
    replica: str
    handlers: Mapping[str, Handler]

    async def run_due(self) -> None:
        """Do everything whose time has come."""
        at = self.clock.now()
        async with self.store.read() as tx:
            due = await tx.timers.due(at)
        for timer in due:
            async with self.store.write() as tx:
                mine = await tx.timers.take(timer, self.replica, at)
            if mine:
                await self._do(self.handlers.get(timer.kind, _unknown), timer, at)

    async def _do(self, handler: Handler, timer: Timer, at: datetime) -> None:
        # The row stays and is taken again in a minute; the other timers must not wait for it.
        try:
            await handler(timer, at)
        except DeepechoError as error:
            log.warning("a timer is put off", timer=timer.key, error=str(error))
        except UNEXPECTED_ERRORS:
            log.exception("a timer is put off", timer=timer.key)


async def _unknown(timer: Timer, _at: datetime) -> None:
    raise Refused(f"This version of deepecho does not know timers of the kind {timer.kind}; another one does.")
