"""What looks into groups, on a real database, with a Prometheus, a cluster and suspects that do as a test says."""

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
from domain.workloads.deployments import PodTrouble
from runbooks.alerts.enrichment import Around, Enrichment, on_delivered
from runbooks.alerts.suspect_search import Suspected
from runbooks.alerts.timers import ENRICH
from storage.outbox import Pace
from storage.store import Store
from tests.harness.alerts import AlertsHouse
from tests.harness.samples.alerts import SUSPECT
from tests.harness.samples.notifications import alert

EXPRESSION = "error_ratio > 10"
AT_ONCE = Pace(post=timedelta(), edit=timedelta(), quiet=timedelta())
REPLICA = "replica-1"
SHORT = 0.8
"""Seconds for each part, where one of them takes longer."""

Meanwhile = Callable[[], Awaitable[None]]


def measured(name: str = "a", *, expression: str = EXPRESSION, host: str = "prometheus.example", **labels: str) -> Alert:
    """An alert of the main service in production whose Prometheus says what it measures."""
    where = {"environment": "production", "service": "deep-echo-main"} | labels
    one = alert(name, labels={key: value for key, value in where.items() if value})
    return replace(one, generator_url=f"http://{host}/graph?g0.expr={quote(expression)}&g0.tab=1")


async def _nothing() -> None: ...


@dataclass
class Source:
    """One that answers, after what a test wants to happen meanwhile; or raises, or never answers."""

    meanwhile: Meanwhile = _nothing
    problem: Exception | None = None
    hangs: bool = False
    asked: list[str] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    met: list[str] = field(default_factory=list)
    """Who asked while the same question was still open."""

    async def answer(self, question: str) -> None:
        self.asked.append(question)
        if question in self.busy:
            self.met.append(question)
        self.busy.add(question)
        try:
            await self.meanwhile()
            if self.hangs:
                await asyncio.Event().wait()
            if self.problem is not None:
                raise self.problem
        finally:
            self.busy.discard(question)


@dataclass
class Prometheus:
    ranges: Source = field(default_factory=Source)
    values: Source = field(default_factory=Source)

    async def range(self, expression: str, since: datetime, until: datetime, *, only: Mapping[str, str]) -> tuple[Series, ...]:
        await self.ranges.answer(expression)
        return (Series(name="error_ratio", points=((since.timestamp(), 1.0), (until.timestamp(), 14.2))),)

    async def now(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]:
        await self.values.answer(expression)
        return (Sample({}, 14.2),)


def failing(message: str, *lines: str) -> PodTrouble:
    return PodTrouble(pod="main-x2x4q", reason="CrashLoopBackOff", message=message, restarts=4, last_lines=lines)


@dataclass
class Cluster(Source):
    found: tuple[PodTrouble, ...] = (failing("exit code 1", "boom"),)

    async def troubles(self, target: Target, /) -> tuple[PodTrouble, ...]:
        await self.answer(str(target))
        return self.found


@dataclass
class Detective(Source):
    found: tuple[Suspect, ...] = (SUSPECT,)

    async def suspects(self, environment: str, service: str, *, began_at: datetime) -> Suspected:
        await self.answer(f"{service} in {environment}")
        return Suspected(suspects=self.found)


@dataclass
class Looking:
    """A replica that looks into groups. ``seconds`` for each part."""

    house: AlertsHouse
    store: Store | None = None
    seconds: float = 12.0
    prometheus: Prometheus = field(default_factory=Prometheus)
    cluster: Cluster = field(default_factory=Cluster)
    detective: Detective = field(default_factory=Detective)

    def __post_init__(self) -> None:
        around = Around(
            catalogue=lambda: self.house.catalogue,
            clusters={"main": self.cluster},
            prometheus=lambda environment: self.prometheus if environment == "production" else None,
            suspecting=self.detective,
        )
        self.enrichment = Enrichment(self.store or self.house.store, self.house.clock, around, lambda: None, seconds=self.seconds)

    async def deliver(self) -> None:
        """Whatever is in the outbox is in Slack from here on."""
        now = self.house.clock.now()
        while True:
            async with self.house.store.write() as tx:
                row = await tx.outbox.claim(REPLICA, now, AT_ONCE)
                if row is None:
                    return
                await tx.outbox.delivered(row, row.channel, row.ts or f"{row.id}.0", now)
                await on_delivered(tx, row, now)

    async def hand_over(self) -> int:
        """What is due is taken, as the clocks do; how many."""
        at, taken = self.house.clock.now(), 0
        async with self.house.store.read() as tx:
            due = [each for each in await tx.timers.due(at, limit=1000) if each.kind == ENRICH]
        for timer in due:
            async with self.house.store.write() as tx:
                mine = await tx.timers.take(timer, REPLICA, at)
            if mine:
                await self.enrichment.submit(timer, at)
                taken += 1
        return taken

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Its workers work; afterwards they are stopped as the process stops them."""
        working: asyncio.Task[None] = asyncio.create_task(self.enrichment.keep())
        try:
            yield working
        finally:
            working.cancel()
            await asyncio.wait([working])
            if not working.cancelled():
                working.result()

    async def look(self) -> None:
        """Everything that is due is looked into."""
        async with self.at_work() as working:
            await self.hand_over()
            await done(self.house, working)

    async def thread(self) -> dict[str, AlertNote]:
        """What enrichment said, by the part of each group."""
        notes = [each.fact for each in await self.house.said() if isinstance(each.fact, AlertNote)]
        return {each.key: each for each in notes if "-" in each.key}


async def left(house: AlertsHouse) -> list[str]:
    """Timers of groups that are still to be looked into."""
    return [key for key in await house.timers() if key.startswith(ENRICH)]


async def done(house: AlertsHouse, working: "asyncio.Task[None]", *, but: int = 0, within: float = 20.0) -> None:
    """Until no more than so many groups are to be looked into."""
    async with asyncio.timeout(within):
        while len(await left(house)) > but:
            assert not working.done(), working
            await asyncio.sleep(0.01)
