"""Timer handlers of incidents: what the clocks do when they are due."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.incidents.changes import IncidentChange
from domain.incidents.clocks import run_due_clock
from domain.incidents.incident import ClockKind, Incident
from domain.people import Person
from runbooks.incidents.saving import IncidentSaver
from runbooks.incidents.timers import CLOCK, WELCOME, welcome_of
from runbooks.timers import TimerHandler
from storage.incidents import IncidentRepository
from storage.store import Store
from storage.timers import Timer

MAX_STEPS_AT_ONCE = 20
"""Clocks that are run in one transaction: after a long outage several are due, each with its next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTimerHandlers:
    """Runs what is due, in order, late rather than never. ``submit_watch`` takes over the timer of a watch that is over."""

    store: Store
    saver: IncidentSaver
    submit_watch: Callable[[Timer, datetime], Awaitable[None]]
    notify_outbox: Callable[[], None]
    welcome: Callable[[str, Person], Awaitable[object]] | None = None
    """Sends a catch-up to somebody who joined the incident's channel."""

    @property
    def handlers(self) -> Mapping[str, TimerHandler]:
        """Handlers by timer kind."""
        return {CLOCK: self._run_clocks, WELCOME: self._welcome}

    async def _run_clocks(self, timer: Timer, at: datetime) -> None:
        async with self.store.write() as tx:
            incident = await tx.of(IncidentRepository).get_for_update(timer.subject)
            if incident is None:
                await tx.timers.remove(timer.key, timer.due_at)
                return
            changes = self._due_changes(incident, at)
            latest = await self.saver.save(tx, changes, at) or incident
            if not changes and not _watch_is_over(latest, at):
                # The record says otherwise than the row: the row is set by the record.
                await self.saver.restart_timer(tx, latest, at)
        self.notify_outbox()
        if not changes and _watch_is_over(latest, at):
            await self.submit_watch(timer, at)

    async def _welcome(self, timer: Timer, _at: datetime) -> None:
        if self.welcome is not None:
            await self.welcome(*welcome_of(timer))
        async with self.store.write() as tx:
            await tx.timers.remove(timer.key, timer.due_at)

    def _due_changes(self, incident: Incident, at: datetime) -> list[IncidentChange]:
        changes: list[IncidentChange] = []
        while len(changes) < MAX_STEPS_AT_ONCE:
            change = run_due_clock(changes[-1].record if changes else incident, at, self.saver.timings)
            if change is None:
                break
            changes.append(change)
        return changes


def _watch_is_over(incident: Incident, at: datetime) -> bool:
    clock = incident.clock(ClockKind.WATCH)
    return clock is not None and clock.due_at <= at
