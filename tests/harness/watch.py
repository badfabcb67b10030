"""The end of a watch on a real database: an incident with its alerts and operations, and sources that tests control."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from domain.alerts.alerts import Alert, AlertGroup, GroupState
from domain.catalogue.catalogue import Catalogue
from domain.incidents.changes import IncidentNote
from domain.incidents.incident import Incident, LinkedOperation
from domain.incidents.linking import linked_alert
from domain.incidents.proof import Proof
from domain.incidents.transitions import declare, resolve
from domain.metrics.charts import Series
from domain.metrics.samples import Sample
from domain.operations.operation import OperationRecord
from domain.rich_text import plain_text
from domain.targets import Target
from domain.workloads.deployments import Workload
from domain.workloads.pod_counts import PodCounts, PodGroup, pod_counts
from runbooks.incidents.channel_setup import INCIDENT_CHANNEL
from runbooks.incidents.saving import IncidentSaver
from runbooks.incidents.timer_handlers import IncidentTimerHandlers
from runbooks.incidents.watch import WatchEnd, WatchProof
from runbooks.incidents.watch_sources import WatchSources
from runbooks.queued_timers import QueuedTimers
from runbooks.timers import TimerDispatcher
from storage.incidents import IncidentRepository
from storage.store import Store
from storage.tables.core import outbox, timers
from storage.timers import Timer
from tests.harness.enrichment import FakeSource, alert_with_expression
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.fakes.clock import NOW, StoppedClock
from tests.harness.families import load
from tests.harness.queued_timers import run_queued
from tests.harness.samples.alerts import group as sample_group
from tests.harness.samples.incidents import ANA, incident
from tests.harness.samples.team import catalogue_data

ONE, TWO = "http://one.example:9093", "http://two.example:9093"
PROMETHEUS = "http://prometheus.example:9090"
MINUTE = timedelta(minutes=1)
RESOLVED_AT = NOW
ENDS_AT = NOW + 30 * MINUTE
PAIR = {"pair": {"environment": "production", "alertmanagers": [ONE, TWO]}}


def watch_catalogue(**incidents: Any) -> Catalogue:
    """Production has a Prometheus and an Alertmanager; the source ``pair`` has two."""
    data = catalogue_data()
    data["environments"]["production"] |= {"alertmanager": ONE, "prometheus": PROMETHEUS}
    alerts = {"default": {"channel": "C0INFO", "severity": "P3"}, "sources": PAIR}
    return Catalogue.model_validate(data | {"alerts": alerts, "incidents": {"channel": "C0OPS"} | incidents})


def ended_alert(name: str = "a", expression: str = "error_ratio > 10", **labels: str) -> Alert:
    """An alert that ended a minute before the resolution."""
    return replace(
        alert_with_expression(name, expression=expression, **labels),
        starts_at=RESOLVED_AT - 20 * MINUTE,
        ends_at=RESOLVED_AT - MINUTE,
        firing=False,
    )


def ended_group(*alerts: Alert, **more: Any) -> AlertGroup:
    """A group that is resolved, by default HighErrorRate of production."""
    defaults: dict[str, Any] = {
        "state": GroupState.RESOLVED,
        "firing": 0,
        "examples": alerts,
        "total": len(alerts),
        "began_at": RESOLVED_AT - 20 * MINUTE,
        "resolved_at": RESOLVED_AT - MINUTE,
        "suspect": None,
    }
    return sample_group(**defaults | more)


def steady(value: float | None, since: datetime, until: datetime, name: str = "value") -> Series:
    """A line with this value all the time."""
    step = max(1, round((until - since).total_seconds() / 180))
    seconds = range(round(since.timestamp()), round(until.timestamp()) + 1, step)
    return Series(name=name, points=tuple((float(at), value) for at in seconds))


@dataclass
class FakeMetrics(FakeSource):
    """A Prometheus: values by expression, ``default`` for others. None is a value that is not there."""

    by_expression: dict[str, float | None] = field(default_factory=dict)
    default: float | None = 0.4
    fired: tuple[Sample, ...] = (Sample({}, (RESOLVED_AT - MINUTE).timestamp()),)

    async def query_range(
        self, expression: str, since: datetime, until: datetime, *, only: Mapping[str, str]
    ) -> tuple[Series, ...]:
        await self.answer(expression)
        value = self.by_expression.get(expression, self.default)
        return () if value is None else (steady(value, since, until),)

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]:
        await self.answer(expression)
        return self.fired


@dataclass
class FakePods(FakeSource):
    """A cluster: workloads and pods by service."""

    found: dict[str, Workload] = field(default_factory=dict)
    ready: dict[str, int] = field(default_factory=dict)

    async def workload(self, target: Target, /) -> Workload:
        await self.answer(str(target))
        return self.found[target.service]

    async def pod_counts(self, workloads: Iterable[Workload], /) -> Mapping[str, PodCounts]:
        return {
            each.uid: pod_counts(
                [
                    PodGroup(
                        image=each.image,
                        is_current=True,
                        total=each.replicas,
                        ready=self.ready.get(each.target.service, each.replicas),
                    )
                ]
            )
            for each in workloads
        }


@dataclass
class WatchHarness:
    """One replica. ``seconds``: limit of each question and of a proof."""

    store: Store
    catalogue: Catalogue = field(default_factory=watch_catalogue)
    clock: StoppedClock = field(default_factory=StoppedClock)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    pods: FakePods = field(default_factory=FakePods)
    seconds: float = 12.0
    open_addresses: set[str] = field(default_factory=lambda: {ONE, TWO, PROMETHEUS})
    after_proof: Callable[[], Awaitable[None]] | None = None
    replica: str = "replica-1"

    def __post_init__(self) -> None:
        self.alertmanagers = {address: MemoryAlertmanager(self.clock) for address in (ONE, TWO)}
        self.saver = IncidentSaver(lambda: self.catalogue)
        self.sources = WatchSources(
            store=self.store,
            catalogue=lambda: self.catalogue,
            clusters={"main": self.pods},
            prometheus=self._prometheus,
            alertmanager_at=lambda address: self.alertmanagers[address] if address in self.open_addresses else None,
        )
        self.start()

    def start(self) -> None:
        """A new process: nothing is remembered."""
        proof = HookedProof(self, self.sources, question_seconds=self.seconds, proof_seconds=2 * self.seconds)
        self.watch = WatchEnd(self.store, self.clock, self.saver, proof, lambda: None)
        self.queue = QueuedTimers("watch", self.clock, self.watch.work)
        handlers = IncidentTimerHandlers(
            store=self.store, saver=self.saver, submit_watch=self.queue.submit, notify_outbox=lambda: None
        )
        self.timers = TimerDispatcher(
            store=self.store,
            clock=self.clock,
            replica=self.replica,
            handlers={**handlers.handlers, INCIDENT_CHANNEL: self._leave_channel},
        )

    async def resolved(self, *groups: AlertGroup, operations: Iterable[OperationRecord] = (), **changed: Any) -> Incident:
        """An incident with these alerts and operations, resolved at ``RESOLVED_AT``."""
        linked = tuple(map(linked_alert, groups))
        done = tuple(
            LinkedOperation(operation_id=each.id, title=f"{each.verb.value} web", state="done", ended=each.state.final)
            for each in operations
        )
        change = declare(incident(alerts=linked, operations=done, **changed), self.saver.timings)
        async with self.store.write() as tx:
            await tx.alerts.save(groups)
            await tx.alerts.save_alerts({each.id: each.examples for each in groups})
            for each in operations:
                await tx.operations.add(each)
            await self.saver.add(tx, change, RESOLVED_AT)
            resolution = resolve(change.record, ANA, RESOLVED_AT, self.saver.timings)
            await self.saver.save(tx, [resolution], RESOLVED_AT)
        return resolution.record

    async def prove(self, record: Incident, at: datetime = ENDS_AT) -> Proof:
        return await WatchProof(self.sources, question_seconds=self.seconds, proof_seconds=2 * self.seconds).prove(record, at)

    async def lines(self, record: Incident, at: datetime = ENDS_AT) -> list[str]:
        return [plain_text(line) for line in (await self.prove(record, at)).lines]

    async def run_due(self) -> None:
        """Handle what is due now, and wait until no watch that is over waits for its end at this time."""
        await self.timers.run_due()
        await run_queued(self.queue)

    async def pass_time(self, span: timedelta, step: timedelta = 15 * timedelta(seconds=1)) -> None:
        """Let time pass, and do what becomes due meanwhile."""
        until = self.clock.now() + span
        while self.clock.now() < until:
            self.clock.advance(step)
            await self.run_due()

    async def incident(self, incident_id: str = "inc-x4k2") -> Incident:
        async with self.store.read() as tx:
            found = await tx.of(IncidentRepository).get(incident_id)
        assert found is not None
        return found

    async def endings(self) -> list[IncidentNote]:
        """Every message that says that the watch is over."""
        async with self.store.engines.read.connect() as connection:
            rows = list(await connection.execute(select(outbox.c.kind, outbox.c.fact).order_by(outbox.c.id)))
        facts = [load(kind, 1, fact) for kind, fact in rows]
        return [
            each for each in facts if isinstance(each, IncidentNote) and plain_text(each.text).startswith("The watch is over")
        ]

    async def _leave_channel(self, timer: Timer, _at: datetime) -> None:
        """No test here is about the incident's channel."""
        async with self.store.write() as tx:
            await tx.timers.remove(timer.key)

    async def due_at(self) -> list[datetime]:
        async with self.store.engines.read.connect() as connection:
            return [due for (due,) in await connection.execute(select(timers.c.due_at).where(timers.c.kind == "incident-clock"))]

    def _prometheus(self, environment: str) -> FakeMetrics | None:
        known = self.catalogue.environments.get(environment)
        return self.metrics if known and known.prometheus in self.open_addresses else None


class HookedProof(WatchProof):
    """A proof after which a test can let something happen, before its end is written."""

    def __init__(self, harness: WatchHarness, sources: WatchSources, **limits: float) -> None:
        super().__init__(sources, **limits)
        self._harness = harness

    async def prove(self, incident: Incident, at: datetime) -> Proof:
        found = await super().prove(incident, at)
        if self._harness.after_proof is not None:
            await self._harness.after_proof()
        return found
