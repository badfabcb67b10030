"""Guarded deploys: operations on a stand-in cluster, and a Prometheus that says what a test tells it to."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from domain.catalogue.catalogue import Catalogue
from domain.guard.comparison import BASELINE_SPAN, NOTHING
from domain.guard.guard import Guard
from domain.guard.notes import GuardChart
from domain.metrics.charts import Series
from domain.metrics.slo import Reading
from domain.operations.operation import OperationRecord, State
from domain.rich_text import Text
from runbooks.engine.engine import StepObserver
from runbooks.guard.listeners import GuardListeners
from runbooks.guard.measuring import GuardReader
from runbooks.guard.putting_back import PutBack
from runbooks.guard.watcher import GuardWatcher
from runbooks.operations.template_origins import with_proven_operations
from runbooks.timers import TimerDispatcher
from storage.guard import GUARD_TIMER, GuardRepository, guard_timer
from storage.timers import Timer
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.samples.team import catalogue_data

MAIN = "deep-echo-main"
GOOD, BAD = Reading(value=0.4, requests=4120), Reading(value=6.1, requests=4120)
OF_SERVICE = {"expression": "errors[$window]{$service}", "requests": "requests[$window]{$service}"}
ERRORS = {
    "expression": "errors[$window]",
    "below": 1,
    "unit": "%",
    "requests": "requests[$window]",
    "of_service": OF_SERVICE,
}
LATENCY = {"expression": "latency[$window]", "below": 1, "unit": "%", "requests": "requests[$window]"}
"""For the whole environment only."""
GUARD = {"bake_minutes": 10, "minimum_requests": 200, "check_seconds": 30}


@dataclass
class ScriptedMetrics:
    """What the objective's indicator is: ``now`` since the deploy, ``before`` at each of the three times before.

    ``environment`` is that of the objective that is measured for the whole environment, since the deploy;
    before it that was good.
    """

    now: Reading = GOOD
    environment: Reading = NOTHING
    before: Reading = GOOD
    asked: list[tuple[timedelta, datetime]] = field(default_factory=list)

    async def over(
        self, _environment: str, span: timedelta, at: datetime, services: Sequence[str]
    ) -> Mapping[tuple[str, str], Reading]:
        assert services == (MAIN,)
        self.asked.append((span, at))
        is_before = span == BASELINE_SPAN
        environment = GOOD if is_before and self.environment != NOTHING else self.environment
        return {("errors", MAIN): self.before if is_before else self.now, ("latency", ""): environment}

    async def series(
        self, _environment: str, key: tuple[str, str], since: datetime, until: datetime
    ) -> tuple[Series, ...] | None:
        assert key in (("errors", MAIN), ("latency", ""))
        return (Series(name="errors", points=((since.timestamp(), 0.4), (until.timestamp(), 6.1))),)


@dataclass
class GuardHarness:
    """One replica."""

    operations: OperationsHarness
    metrics: ScriptedMetrics
    watcher: GuardWatcher
    observers: list[StepObserver] = field(default_factory=list)
    """Of the steps of operations."""

    async def deploy(self, environment: str = "staging", version: str = "bad5eed") -> OperationRecord:
        plan = await self.operations.planner.deploy(environment, f"main-{version}", MAIN)
        record = await self.operations.run_plan(plan)
        assert record.state is State.SUCCEEDED, record.outcome
        return record

    async def pass_time(self, span: timedelta) -> None:
        """In steps of ten seconds, as the ticker does."""
        step = timedelta(seconds=10)
        for _ in range(round(span / step)):
            self.operations.clock.advance(step)
            await self.run_due()

    async def run_due(self) -> None:
        async def step(timer: Timer, _at: datetime) -> None:
            await self.watcher.step(timer)

        dispatcher = TimerDispatcher(
            store=self.operations.store, clock=self.operations.clock, replica="a", handlers={GUARD_TIMER: step}
        )
        await dispatcher.run_due()

    async def guard(self, operation: str) -> Guard:
        async with self.operations.store.read() as tx:
            guard = await tx.of(GuardRepository).get(operation)
        assert guard is not None
        return guard

    async def template_set_by(self, environment: str) -> str:
        """The operation that is proven to have set the present template; empty where it was somebody else."""
        target = self.operations.target(environment=environment)
        workload = await self.operations.cluster.workload(target)
        found = await with_proven_operations(self.operations.store, {target: workload})
        return found[target].template_set_by

    async def is_due_again(self, operation: str) -> bool:
        async with self.operations.store.read() as tx:
            due = await tx.timers.due(self.operations.clock.now() + timedelta(days=1))
        return guard_timer(operation, self.operations.clock.now()).key in {timer.key for timer in due}

    async def rollbacks(self) -> list[OperationRecord]:
        found = await self.operations.operations.recent()
        return [record for record in found if record.source.startswith("guard/")]

    async def charts(self) -> list[GuardChart]:
        return [each for each in await self.operations.deliver() if isinstance(each, GuardChart)]


def guarded_catalogue(**changed: Any) -> Catalogue:
    """Staging puts back by itself, production offers it; development is not guarded."""
    data = catalogue_data() | {"slo": {"errors": ERRORS, "latency": LATENCY}}
    for name, on_worse in (("staging", "put back"), ("production", "offer")):
        data["environments"][name] |= {"prometheus": "https://prometheus.example", "guard": GUARD | {"on_worse": on_worse}}
    # Environments that share a Prometheus have to be told apart by their expressions; here each has its own.
    data["environments"]["production"]["prometheus"] = "https://prometheus.production.example"
    return Catalogue.model_validate(data | changed)


@asynccontextmanager
async def open_guard_harness(folder: Path, database: str = "") -> AsyncIterator[GuardHarness]:
    observers: list[StepObserver] = []

    def observe(operation: str, step: str, point: str, /) -> None:
        for each in observers:
            each(operation, step, point)

    async with open_operations_harness(folder, database, catalogue=guarded_catalogue(), observer=observe) as operations:
        metrics = ScriptedMetrics()
        store, clock, catalogue = operations.store, operations.clock, operations.current_catalogue
        watcher = GuardWatcher(
            store=store,
            clock=clock,
            reader=GuardReader(catalogue=catalogue, indicators=metrics, trace_lines=trace_lines),
            putting_back=PutBack(
                store=store, catalogue=catalogue, planner=operations.planner, operations=lambda: operations.operations
            ),
            notify_outbox=lambda: None,
        )
        store.listeners.on_operation_saved.append(GuardListeners(catalogue).on_operation_saved)
        yield GuardHarness(operations, metrics, watcher, observers)


async def trace_lines(environment: str, services: Sequence[str], since: datetime, until: datetime) -> tuple[Text, ...]:
    assert since < until
    return (f"2,100 ms GET /chat of {', '.join(services)} in {environment}",)


def few(count: int) -> Reading:
    return replace(BAD, requests=count)
