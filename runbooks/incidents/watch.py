"""Ends the watch of a resolved incident with its proof.

Other systems are asked outside of any transaction; the end is one transaction, and only if the incident and the watch are still
those that were proven. After a crash between both everything is asked again, and said once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS
from domain.incidents.changes import IncidentChange
from domain.incidents.incident import ClockKind, Incident, IncidentClock, IncidentState
from domain.incidents.proof import Proof, Window, compose_proof, own_part
from domain.incidents.transitions import end_watch
from runbooks.incidents.asking import Deadline
from runbooks.incidents.saving import IncidentSaver
from runbooks.incidents.watch_alerts import alerts_part, ask_alertmanagers, read_groups, silences_part
from runbooks.incidents.watch_changes import prove_changes, read_changes
from runbooks.incidents.watch_sources import WatchSources
from storage.incidents import IncidentRepository
from storage.store import Store
from storage.timers import Timer

log = structlog.get_logger()

QUESTION_SECONDS = 12.0
"""Limit of each question: above the time limit of each client."""
PROOF_SECONDS = 30.0
"""Limit of a proof: below ``runbooks.queued_timers.WORK_SECONDS``, after which what does not answer would be asked for ever."""
RETRY_AFTER = timedelta(seconds=75)
MAX_RETRIES = 4
"""With ``RETRY_AFTER``: what does not answer is asked again for five minutes, then the watch ends without its answer."""


class WatchProof:
    """Proves that an incident is over, as far as others tell. It reads only."""

    def __init__(
        self, sources: WatchSources, *, question_seconds: float = QUESTION_SECONDS, proof_seconds: float = PROOF_SECONDS
    ) -> None:
        self._sources, self._question_seconds, self._proof_seconds = sources, question_seconds, proof_seconds

    async def prove(self, incident: Incident, at: datetime) -> Proof:
        """The proof for the time since the resolution. Raises ``TemporaryError`` where the database does not answer."""
        ends_at = asyncio.get_running_loop().time() + self._proof_seconds
        deadline = Deadline(ends_at, self._question_seconds)
        since = incident.resolved.at if incident.resolved else incident.declared.at
        # Prometheus refuses a time that ends before it begins, as after a clock was set back.
        window = Window(min(since, at - timedelta(seconds=1)), at)
        sources = self._sources
        groups, changes = await read_groups(sources, incident), await read_changes(sources, incident)
        changes_proven = asyncio.create_task(prove_changes(sources, incident, changes, at, deadline))
        try:
            answers = await ask_alertmanagers(sources, groups, deadline)
            alerts = await alerts_part(sources, groups, answers, window, deadline)
            silences = silences_part(sources, groups, answers, window)
            parts = (alerts, silences, await changes_proven, own_part(incident))
        finally:
            changes_proven.cancel()
        return compose_proof(window, parts)


class WatchEnd:
    """Ends watches. ``notify_outbox`` wakes the outbox worker."""

    def __init__(
        self, store: Store, clock: Clock, saver: IncidentSaver, proof: WatchProof, notify_outbox: Callable[[], None]
    ) -> None:
        self._store, self._clock, self._saver = store, clock, saver
        self._proof, self._notify_outbox = proof, notify_outbox

    async def work(self, timer: Timer) -> None:
        """End the watch of the incident whose timer is due."""
        await self.end(timer.subject)

    async def end(self, incident_id: str) -> None:
        """Prove and end one watch, if it is over. Raises ``TemporaryError`` where the database does not answer."""
        async with self._store.read() as tx:
            incident = await tx.of(IncidentRepository).get(incident_id)
        if incident is None or _watch_over(incident, self._clock.now()) is None:
            return
        proof = await self._prove(incident)
        at = self._clock.now()
        async with self._store.write() as tx:
            current = await tx.of(IncidentRepository).get_for_update(incident_id)
            clock = None if current is None else _watch_over(current, at)
            if current is None or clock is None or clock != incident.clock(ClockKind.WATCH):
                return
            if _proven(current) != _proven(incident):
                # What was proven is not what there is now: the timer is still there, and everything is asked again.
                log.info("incident changed while it was proven", incident=incident_id)
                return
            await self._saver.save(tx, [self._change(current, clock, proof, at)], at)
        self._notify_outbox()

    async def _prove(self, incident: Incident) -> Proof:
        try:
            return await self._proof.prove(incident, self._clock.now())
        except UNEXPECTED_ERRORS as error:
            # It would fail again at every retry, and nobody would be told that the watch is over.
            log.exception("proof failed", incident=incident.id)
            text = f"What stands could not be shown: an error in the program, {type(error).__name__}."
            return Proof(lines=(text,), complete=False)

    def _change(self, incident: Incident, clock: IncidentClock, proof: Proof, at: datetime) -> IncidentChange:
        if proof.try_again and clock.step < MAX_RETRIES:
            later = replace(clock, due_at=at + RETRY_AFTER, step=clock.step + 1)
            clocks = tuple(later if each is clock else each for each in incident.clocks)
            return IncidentChange(record=replace(incident, clocks=clocks), low_priority=True)
        close_now = self._saver.config.close_after_watch
        return end_watch(incident, at, self._saver.timings, proof.lines, complete=proof.complete, close_now=close_now)


def _watch_over(incident: Incident, at: datetime) -> IncidentClock | None:
    """The clock of a watch whose time is over; None for an incident that is not watched, or still."""
    clock = incident.clock(ClockKind.WATCH)
    is_over = incident.state is IncidentState.RESOLVED and clock is not None and clock.due_at <= at
    return clock if is_over else None


def _proven(incident: Incident) -> tuple[object, ...]:
    """What of an incident a proof depends on."""
    return incident.resolved, incident.alerts, incident.operations, incident.open_tasks, incident.clocks
