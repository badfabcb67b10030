"""Enrichment on a real database, with a fake Prometheus, cluster and search for suspects that tests control."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from domain.alerts.alerts import Alert, AlertNote
from domain.changes.platform_changes import Suspect
from domain.metrics.charts import Series
from domain.metrics.samples import Sample
from domain.targets import Target
from domain.workloads.pod_failures import PodFailure
from runbooks.alerts.enrichment import ENRICHMENT_SECONDS, Enrichment, EnrichmentSources, on_delivered
from runbooks.alerts.suspect_search import SuspectReport
from runbooks.alerts.timers import ENRICH
from runbooks.queued_timers import QueuedTimers
from storage.outbox import RateLimits
from storage.store import Store
from tests.harness.alerts import AlertsHarness
from tests.harness.samples.alerts import SUSPECT
from tests.harness.samples.notifications import alert, notification

EXPRESSION = "error_ratio > 10"
ALL_PARTS = {"suspects-1", "chart-1", "pods-1"}
"""Keys of the notes of a group's first episode."""
NO_RATE_LIMITS = RateLimits(post_interval=timedelta(), edit_interval=timedelta(), low_priority_interval=timedelta())
REPLICA = "replica-1"
SHORT_TIMEOUT = 3.0
"""Seconds for each part, where one of them takes longer."""

Hook = Callable[[], Awaitable[None]]


def alert_with_expression(
    name: str = "a", *, expression: str = EXPRESSION, host: str = "prometheus.example", **labels: str
) -> Alert:
    """An alert of the main service in production whose Prometheus says what it measures."""
    where = {"environment": "production", "service": "deep-echo-main"} | labels
    one = alert(name, labels={key: value for key, value in where.items() if value})
    return replace(one, generator_url=f"http://{host}/graph?g0.expr={quote(expression)}&g0.tab=1")


async def _do_nothing() -> None: ...


@dataclass
class FakeSource:
    """A source that answers after ``hook`` has run, raises ``error``, or hangs."""

    hook: Hook = _do_nothing
    error: Exception | None = None
    hangs: bool = False
    asked: list[str] = field(default_factory=list)
    open_questions: set[str] = field(default_factory=set)
    concurrent_questions: list[str] = field(default_factory=list)
    """Who asked while the same question was still open."""

    async def answer(self, question: str) -> None:
        self.asked.append(question)
        if question in self.open_questions:
            self.concurrent_questions.append(question)
        self.open_questions.add(question)
        try:
            await self.hook()
            if self.hangs:
                await asyncio.Event().wait()
            if self.error is not None:
                raise self.error
        finally:
            self.open_questions.discard(question)


@dataclass
class FakePrometheus:
    range_source: FakeSource = field(default_factory=FakeSource)
    value_source: FakeSource = field(default_factory=FakeSource)

    async def query_range(
        self, expression: str, since: datetime, until: datetime, *, only: Mapping[str, str]
    ) -> tuple[Series, ...]:
        await self.range_source.answer(expression)
        return (Series(name="error_ratio", points=((since.timestamp(), 1.0), (until.timestamp(), 14.2))),)

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]:
        await self.value_source.answer(expression)
        return (Sample({}, 14.2),)


def pod_failure(message: str, *lines: str) -> PodFailure:
    return PodFailure(pod="main-x2x4q", reason="CrashLoopBackOff", message=message, restarts=4, log_tail=lines)


@dataclass
class FakeCluster(FakeSource):
    found: tuple[PodFailure, ...] = (pod_failure("exit code 1", "boom"),)

    async def pod_failures(self, target: Target, /) -> tuple[PodFailure, ...]:
        await self.answer(str(target))
        return self.found


@dataclass
class FakeSuspects(FakeSource):
    found: tuple[Suspect, ...] = (SUSPECT,)

    async def suspects(self, environment: str, service: str, *, began_at: datetime) -> SuspectReport:
        await self.answer(f"{service} in {environment}")
        return SuspectReport(suspects=self.found)


@dataclass
class EnrichmentHarness:
    """A replica that enriches groups. ``seconds``: timeout of each part."""

    alerts: AlertsHarness
    store: Store | None = None
    seconds: float = 12.0
    prometheus: FakePrometheus = field(default_factory=FakePrometheus)
    cluster: FakeCluster = field(default_factory=FakeCluster)
    suspects: FakeSuspects = field(default_factory=FakeSuspects)

    def __post_init__(self) -> None:
        around = EnrichmentSources(
            catalogue=lambda: self.alerts.catalogue,
            clusters={"main": self.cluster},
            prometheus=lambda environment: self.prometheus if environment == "production" else None,
            suspect_source=self.suspects,
        )
        self.enrichment = Enrichment(
            self.store or self.alerts.store, self.alerts.clock, around, lambda: None, part_timeout_seconds=self.seconds
        )
        self.queue = QueuedTimers("enrichment", self.alerts.clock, self.enrichment.work, work_seconds=ENRICHMENT_SECONDS)

    async def deliver(self) -> None:
        """Mark every row of the outbox as delivered."""
        now = self.alerts.clock.now()
        while True:
            async with self.alerts.store.write() as tx:
                row = await tx.outbox.claim(REPLICA, now, NO_RATE_LIMITS)
                if row is None:
                    return
                await tx.outbox.mark_delivered(row, row.channel, row.ts or f"{row.id}.0", now)
                await on_delivered(tx, row, now)

    async def submit_due(self) -> int:
        """Claim and submit due timers; how many."""
        at, submitted = self.alerts.clock.now(), 0
        async with self.alerts.store.read() as tx:
            due = [each for each in await tx.timers.due(at, limit=1000) if each.kind == ENRICH]
        for timer in due:
            async with self.alerts.store.write() as tx:
                claimed = await tx.timers.claim(timer, REPLICA, at)
            if claimed:
                await self.queue.submit(timer, at)
                submitted += 1
        return submitted

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Run the workers; then stop them as the process does."""
        task: asyncio.Task[None] = asyncio.create_task(self.queue.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()

    async def enrich_due(self) -> None:
        """Enrich every group that is due."""
        async with self.running() as task:
            await self.submit_due()
            await wait_enriched(self.alerts, task)

    async def thread(self) -> dict[str, AlertNote]:
        """Notes of enrichment, by part."""
        notes = [each.fact for each in await self.alerts.outbox_entries() if isinstance(each.fact, AlertNote)]
        return {each.key: each for each in notes if "-" in each.key}


async def pending_groups(harness: AlertsHarness) -> list[str]:
    """Timers of groups that wait for enrichment."""
    return [key for key in await harness.timers() if key.startswith(ENRICH)]


async def wait_enriched(harness: AlertsHarness, task: "asyncio.Task[None]", *, remaining: int = 0, within: float = 20.0) -> None:
    """Wait until at most ``remaining`` groups wait for enrichment."""
    async with asyncio.timeout(within):
        while len(await pending_groups(harness)) > remaining:
            assert not task.done(), task
            await asyncio.sleep(0.01)


async def fire_and_deliver(harness: AlertsHarness, enricher: EnrichmentHarness, *names: str) -> None:
    """Receive a notification and deliver the card of its group."""
    await harness.receive(notification(*(alert_with_expression(name) for name in names or ("a",))))
    await enricher.deliver()
