"""One replica that writes annotations, and things that happened."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from domain.catalogue.catalogue import Catalogue
from domain.incidents.changes import IncidentChange
from domain.incidents.incident import Incident, IncidentState, Mark, Participant
from domain.operations.operation import OperationRecord
from domain.operations.transitions import Transition
from domain.people import Person
from domain.severities import Severity
from runbooks.dashboards.annotations import AnnotationListeners, AnnotationWriter
from runbooks.dashboards.sources import incident_source, operation_source
from runbooks.incidents.saving import IncidentSaver
from runbooks.queued_timers import QueuedTimers
from runbooks.timers import TimerDispatcher
from storage.annotations import ANNOTATE
from storage.incidents import IncidentRepository
from storage.store import Store
from storage.tables.core import timers
from tests.harness.fakes.clock import StoppedClock
from tests.harness.incidents import incidents_catalogue
from tests.harness.queued_timers import running
from tests.harness.samples.operations import NOW, record, rolling, succeeded

BEGIN, END = NOW + timedelta(minutes=3), NOW + timedelta(minutes=5)
"""Of every story: its annotation lies between them."""


@dataclass
class AnnotationReplica:
    """``grafana`` is a client, or what stands in its place."""

    store: Store
    clock: StoppedClock
    grafana: Any
    replica: str
    catalogue: Catalogue = field(default_factory=incidents_catalogue)

    def __post_init__(self) -> None:
        self.sources = {"op": operation_source(lambda: self.catalogue), "inc": incident_source}
        writer = AnnotationWriter(self.store, self.clock, lambda _: self.grafana, self.sources)
        self.queue = QueuedTimers("annotations", self.clock, writer.write)
        listeners = AnnotationListeners(lambda: self.catalogue, lambda _: self.grafana)
        self.store.listeners.on_operation_saved.append(listeners.on_operation_saved)
        self.store.listeners.on_incident_saved.append(listeners.on_incident_saved)
        self.saver = IncidentSaver(lambda: self.catalogue)

    async def write_due(self) -> None:
        """As in production: the ticker claims, the task writes. Returns when it has no claim left."""
        handlers = {ANNOTATE: self.queue.submit}
        dispatcher = TimerDispatcher(store=self.store, clock=self.clock, replica=self.replica, handlers=handlers)
        async with running(self.queue):
            # Incidents have timers of other kinds, too, which nothing handles here; a tick takes some of all.
            while await self._unclaimed():
                await dispatcher.run_due()
            while await self._claimed():
                await asyncio.sleep(0.005)

    async def forget_timers(self) -> set[str]:
        """Remove all that are left. Returns their kinds."""
        async with self.store.write() as tx:
            due = await tx.timers.due(self.clock.now() + timedelta(days=365))
            for timer in due:
                await tx.timers.remove(timer.key, timer.due_at)
        return {timer.kind for timer in due}

    async def _unclaimed(self) -> bool:
        async with self.store.read() as tx:
            return bool(await tx.timers.due(self.clock.now()))

    async def _claimed(self) -> bool:
        """Whether this replica is still writing an annotation."""
        ours = (timers.c.kind == ANNOTATE) & (timers.c.claimed_by == self.replica)
        async with self.store.engines.read.connect() as connection:
            return (await connection.execute(select(timers.c.key).where(ours))).first() is not None

    async def ends_at(self, subject: str) -> datetime | None:
        """When its annotation should end as things stand: at its begin while it is under way. None where there should be none."""
        async with self.store.read() as tx:
            annotation = await self.sources[subject.partition("-")[0]](tx, subject)
        return (annotation.until or annotation.since) if annotation else None

    async def tell(self, subject: str) -> None:
        """The next thing that happens to the subject; nothing where its story has ended."""
        if subject.startswith("op-"):
            await self._tell_operation(subject)
        else:
            await self._tell_incident(subject)

    async def _tell_operation(self, subject: str) -> None:
        async with self.store.write() as tx:
            found = await tx.operations.get(subject)
            following = _next_of_operation(found)
            if following is not None:
                transition = Transition(record=replace(following, id=subject, source=subject))
                await tx.apply(transition, self.clock.now(), new=found is None)

    async def _tell_incident(self, subject: str) -> None:
        async with self.store.write() as tx:
            found = await tx.of(IncidentRepository).get(subject)
            by = Participant(Person("U0ANA00001", "T0DEEPECHO"), "ana")
            if found is None:
                declared = Incident(
                    id=subject, title=subject, severity=Severity.P1, environment="production", declared=Mark(by, BEGIN)
                )
                await self.saver.add(tx, IncidentChange(record=declared), self.clock.now())
            elif found.resolved is None:
                resolved = replace(found, state=IncidentState.RESOLVED, resolved=Mark(by, END))
                await self.saver.save(tx, [IncidentChange(record=resolved)], self.clock.now())


def _next_of_operation(found: OperationRecord | None) -> OperationRecord | None:
    if found is None:
        return record()
    if found.state.final:
        return None
    return succeeded() if found.progress == rolling().progress else rolling()
