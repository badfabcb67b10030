"""Watches guarded deploys: measures when it is due, late rather than never, and acts on what it finds, once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from domain.clock import Clock, is_from_the_future
from domain.errors import PermanentError, Refused
from domain.guard.guard import Guard, GuardState, measure, offer, put_back
from domain.rich_text import sentence
from runbooks.guard.listeners import save_guard
from runbooks.guard.measuring import GuardReader
from runbooks.guard.putting_back import PutBack
from storage.guard import GuardRepository, guard_chart, guard_timer
from storage.store import Store
from storage.timers import Timer

log = structlog.get_logger()

LATEST_PUT_BACK = timedelta(minutes=15)
"""After the end of the bake time: later, as after an outage of ours, people know more than the evidence does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardWatcher:
    """Does what is due of a guard. ``notify_outbox`` wakes the outbox worker."""

    store: Store
    clock: Clock
    reader: GuardReader
    putting_back: PutBack
    notify_outbox: Callable[[], None]

    async def step(self, timer: Timer) -> None:
        """Measure, act on a verdict, show the evidence: each is done once, whatever was done before a crash."""
        async with self.store.read() as tx:
            guard = await tx.of(GuardRepository).get(timer.subject)
        if guard is not None and guard.state is GuardState.BAKING and not self._is_served(guard, timer):
            guard = await self._measure(guard, timer)
        if guard is not None and guard.state is GuardState.PUTTING_BACK:
            if self.clock.now() - guard.until > LATEST_PUT_BACK:
                why = "It was found too late to put it back without asking. It is offered to people instead."
                await self._settle(guard, lambda current: offer(current, why))
            else:
                await self._put_back(guard)
        if guard is None or guard.state is not GuardState.BAKING:
            await self._end(timer)

    def _is_served(self, guard: Guard, timer: Timer) -> bool:
        """Whether another replica has made the check that the timer is for, and set the timer anew."""
        checked_at = guard.checked_at
        if checked_at is None or is_from_the_future(checked_at, self.clock.now()):
            return False
        return checked_at >= timer.due_at

    async def _measure(self, seen: Guard, timer: Timer) -> Guard | None:
        comparisons = await self.reader.compare(seen, self.clock.now())
        at = self.clock.now()
        async with self.store.write() as tx:
            guard = await tx.of(GuardRepository).get_for_update(seen.operation)
            # Another replica may have measured it meanwhile: the same minute does not count twice.
            if guard is None or guard.state is not GuardState.BAKING or guard.checked_at != seen.checked_at:
                return guard
            measured = measure(guard, comparisons, at)
            await save_guard(tx, measured, at)
            if measured.state is GuardState.BAKING:
                await tx.timers.set(guard_timer(guard.operation, measured.next_check(at)), at)
        log.debug("deploy measured", operation=timer.subject, verdict=measured.verdict.value, state=measured.state.value)
        self.notify_outbox()
        return measured

    async def _put_back(self, guard: Guard) -> None:
        try:
            started = await self.putting_back.start(guard)
        except (Refused, PermanentError) as refusal:
            why = sentence(refusal.sentence, " It is offered to people instead.")
            await self._settle(guard, lambda current: offer(current, why))
            return
        await self._settle(guard, lambda current: put_back(current, started.id))

    async def _settle(self, guard: Guard, change: Callable[[Guard], Guard]) -> None:
        at = self.clock.now()
        async with self.store.write() as tx:
            current = await tx.of(GuardRepository).get_for_update(guard.operation)
            if current is not None and current.state is GuardState.PUTTING_BACK:
                await save_guard(tx, change(current), at)
        self.notify_outbox()

    async def _end(self, timer: Timer) -> None:
        """Show the evidence of a guard that has ended, and forget its timer."""
        async with self.store.read() as tx:
            guard = await tx.of(GuardRepository).get(timer.subject)
        charts, traces = await asyncio.gather(self.reader.charts(guard), self.reader.traces(guard)) if guard else ((), ())
        at = self.clock.now()
        async with self.store.write() as tx:
            current = await tx.of(GuardRepository).get_for_update(timer.subject) if traces else None
            if current is not None and current.traces != traces:
                await save_guard(tx, replace(current, traces=traces), at)
            for chart in charts:
                await tx.put_message(guard_chart(chart), at)
            await tx.timers.remove(timer.key, timer.due_at)
        self.notify_outbox()
