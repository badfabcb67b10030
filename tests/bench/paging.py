"""A page of a P0 in the middle of a storm: 1,000 groups, each with a page of its own, and 100,000 edits queued for Slack.

The outbox is being worked off meanwhile, and groups go on being written, in the same process and on the same SQLite file.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from domain.paging.pages import PageRequest
from domain.paging.ways import Handover, PageMessage, Receipt, RetryRule
from domain.severities import Severity
from storage.engines import open_engines
from storage.migrate import migrate
from storage.outbox import RateLimits
from storage.pages import PageRepository
from storage.store import Store
from storage.tables.core import messages, outbox
from tests.bench.results import Result
from tests.harness.paging import PagingHarness, paging_catalogue, ten_people

GROUPS = 1_000
EDITS = 100_000
OUTAGES = 100
MOST_SECONDS = 2.0
CAUSES = 3_000
MAX_MESSAGES = 5
STEP = {"whom": ["oncall"], "ways": ["pagerduty:platform"], "wait_minutes": 600}
UNLIMITED = RateLimits(post_interval=timedelta(), edit_interval=timedelta(), edit_burst=1_000_000)


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class _TimedWay:
    """Remembers when each page was sent."""

    name, mirrors, repeats_safely, retries = "pagerduty", True, True, RetryRule(3, 30.0, 60.0)

    def __init__(self) -> None:
        self.sent_at: dict[str, float] = {}

    async def send(self, message: PageMessage, destination: str) -> Receipt:
        self.sent_at[message.page_id] = time.perf_counter()
        return Receipt(Handover.ACCEPTED)


async def paging(folder: Path) -> list[Result]:
    """The 99th percentile from the commit of the request to the call of the pager; and how many messages 3,000 causes make."""
    (folder / "paging").mkdir()
    latencies = await _outages(f"sqlite:///{folder / 'paging' / 'storm.db'}")
    most = await _messages_of_many_causes(f"sqlite:///{folder / 'paging' / 'causes.db'}")
    slowest = statistics.quantiles(latencies, n=100)[98]
    storm = f"P0 page in a storm of {GROUPS:,} groups with {EDITS:,} queued edits"
    return [
        Result(f"{storm}: 99th percentile / 2 s", round(slowest / MOST_SECONDS, 3), 1.0, MOST_SECONDS, OUTAGES),
        Result(f"{CAUSES:,} causes, 10 people: most messages to one / bucket", most / MAX_MESSAGES, 1.0, MAX_MESSAGES, 1),
    ]


async def _outages(url: str) -> list[float]:
    await migrate(url)
    store, way = Store(open_engines(url)), _TimedWay()
    await _queue_edits(store)
    limits = {"pagerduty": [{"messages": 1000, "minutes": 0.001}]}
    harness = PagingHarness(
        store,
        paging_catalogue(STEP, limits=limits),
        clock=_Clock(),  # type: ignore[arg-type] # the real one
        pagerduty=way,  # type: ignore[arg-type] # the same methods
    )
    async with store.write() as tx:
        for number in range(GROUPS):
            await tx.of(PageRepository).request(_request(f"group-{number}", Severity.P1), datetime.now(UTC))
    latencies = []
    async with _running(_deliver(store), _deliver(store), harness.worker.run()):
        for number in range(OUTAGES):
            async with store.write() as tx:
                page = await tx.of(PageRepository).request(_request(f"outage-{number}", Severity.P0), datetime.now(UTC))
            committed = time.perf_counter()
            while page.id not in way.sent_at:
                await asyncio.sleep(0.001)
            latencies.append(way.sent_at[page.id] - committed)
            await asyncio.sleep(0.05)
    await store.close()
    return latencies


def _request(subject: str, severity: Severity) -> PageRequest:
    return PageRequest(subject=subject, cause=subject, severity=severity, team="platform", title=f"{subject} is failing")


async def _queue_edits(store: Store) -> None:
    """Edits of cards that are in Slack already, each of a stream of its own."""
    at = datetime.now(UTC)
    fixed = {"channel": "C0OPS", "urgency": 30, "low_priority": False, "kind": "alert-card", "version": 1, "fact": "{}" * 1000}
    rows = [
        {"key": f"al-{number}/card", "stream": f"al-{number}", "state": "pending", "not_before": at, "created_at": at, **fixed}
        for number in range(EDITS)
    ]
    sent = [{"key": row["key"], "channel": "C0OPS", "ts": "1.0", "edited_at": at - timedelta(hours=1)} for row in rows]
    async with store.engines.write.begin() as connection:
        await connection.execute(insert(outbox), rows)
        await connection.execute(insert(messages), sent)


async def _deliver(store: Store) -> None:
    """Work the outbox off as fast as the database lets one."""
    while True:
        now = datetime.now(UTC)
        async with store.write() as tx:
            row = await tx.outbox.claim("bench", now, UNLIMITED)
        if row is not None:
            async with store.write() as tx:
                await tx.outbox.mark_delivered(row, row.channel, row.ts, now)
        await asyncio.sleep(0)


@asynccontextmanager
async def _running(*works: object) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _messages_of_many_causes(url: str) -> float:
    await migrate(url)
    store = Store(open_engines(url))
    harness = PagingHarness(store, ten_people())
    async with store.write() as tx:
        for number in range(CAUSES):
            await tx.of(PageRepository).request(_request(f"monitor-{number}", Severity.P1), harness.clock.now())
    await harness.work()
    for _ in range(4):
        harness.clock.advance(timedelta(seconds=10))
        await harness.work(2)
    await store.close()
    counts = [harness.sms.triggers().count(person) for person in set(harness.sms.triggers())]
    if len(counts) != len(harness.catalogue.people):
        raise RuntimeError("somebody was not told")
    return max(counts)
