"""Failures during enrichment: each part fails alone, and outages, crashes and stops lose and repeat nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain.errors import Denied, PermanentError, Refused, TemporaryError
from runbooks.alerts.enrichment import PART_TIMEOUT_SECONDS
from storage.store import Store
from storage.timers import TIMER_CLAIM_TIMEOUT
from tests.harness.alerts import SECOND, AlertsHarness, numbered_notification, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.enrichment import (
    ALL_PARTS,
    SHORT_TIMEOUT,
    EnrichmentHarness,
    FakeCluster,
    FakePrometheus,
    FakeSource,
    FakeSuspects,
    fire_and_deliver,
    pending_groups,
    pod_failure,
    wait_enriched,
)

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        yield opened


SLOW = "It took too long."
REFUSAL = "Prometheus does not take the expression: parse error"


@pytest.mark.parametrize(
    ("part", "trouble", "said"),
    [
        ("chart", FakeSource(hangs=True), SLOW),
        ("chart", FakeSource(error=PermanentError(REFUSAL)), REFUSAL),
        ("chart", FakeSource(error=TemporaryError("Prometheus cannot be reached.")), "Prometheus cannot be reached."),
        ("chart", FakeSource(error=KeyError("values")), "An error in the program: KeyError."),
        ("pods", FakeCluster(hangs=True), SLOW),
        ("pods", FakeCluster(error=TemporaryError("The cluster is away.")), "The cluster is away."),
        ("pods", FakeCluster(error=Refused("It is no longer there.")), "It is no longer there."),
        ("pods", FakeCluster(error=ZeroDivisionError()), "An error in the program: ZeroDivisionError."),
        ("suspects", FakeSuspects(hangs=True), SLOW),
        ("suspects", FakeSuspects(error=Denied("Nobody may look.")), "Nobody may look."),
        ("suspects", FakeSuspects(error=RecursionError()), "An error in the program: RecursionError."),
    ],
)
async def test_each_part_fails_alone(harness: AlertsHarness, part: str, trouble: FakeSource, said: str) -> None:
    # A source is made once for all databases: what it was asked before is not asked of this one.
    trouble = replace(trouble, asked=[], open_questions=set(), concurrent_questions=[])
    # Only what hangs is meant to run out of time. Under load the other parts may take a second too.
    seconds = SHORT_TIMEOUT if trouble.hangs else PART_TIMEOUT_SECONDS
    enricher = EnrichmentHarness(harness, seconds=seconds)
    if isinstance(trouble, FakeCluster):
        enricher = EnrichmentHarness(harness, seconds=seconds, cluster=trouble)
    elif isinstance(trouble, FakeSuspects):
        enricher = EnrichmentHarness(harness, seconds=seconds, suspects=trouble)
    else:
        enricher.prometheus.range_source = trouble
    await fire_and_deliver(harness, enricher)
    await enricher.enrich_due()
    thread = await enricher.thread()
    assert thread.keys() == ALL_PARTS
    assert str(thread[f"{part}-1"].text).endswith(f" {said}")
    assert not any(str(each.text).endswith(said) for key, each in thread.items() if key != f"{part}-1")
    group = await harness.group()
    assert group.value == "14.2 (limit 10)"
    assert (group.suspect is None) is (part == "suspects")


async def test_what_is_found_is_told_while_another_part_still_waits(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness, cluster=FakeCluster(hangs=True))
    await fire_and_deliver(harness, enricher)
    async with enricher.running() as working:
        await enricher.submit_due()
        async with asyncio.timeout(10):
            while (await enricher.thread()).keys() != {"suspects-1", "chart-1"}:
                assert not working.done()
                await asyncio.sleep(0.01)
    assert len(await pending_groups(harness)) == 1


async def test_slow_suspects_do_not_cost_the_chart(harness: AlertsHarness) -> None:
    async def slowly() -> None:
        await asyncio.sleep(SHORT_TIMEOUT * 0.4)

    enricher = EnrichmentHarness(
        harness,
        seconds=SHORT_TIMEOUT,
        suspects=FakeSuspects(hangs=True),
        prometheus=FakePrometheus(range_source=FakeSource(slowly)),
    )
    await fire_and_deliver(harness, enricher)
    await enricher.enrich_due()
    chart = (await enricher.thread())["chart-1"].chart
    assert chart is not None
    assert [each.text for each in chart.markers] == ["alert"]


async def test_a_part_that_cannot_be_kept_ends_neither_the_workers_nor_the_other_parts(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness, cluster=FakeCluster(found=(pod_failure("half a pair: \ud800"),)))
    await fire_and_deliver(harness, enricher)
    async with enricher.running() as working:
        await enricher.submit_due()
        await wait_enriched(harness, working)
        await harness.receive(numbered_notification(2))
        await enricher.deliver()
        await enricher.submit_due()
        await wait_enriched(harness, working)
    assert (await enricher.thread()).keys() == {"suspects-1", "chart-1"}


class FlakyStore(Store):
    """A database that does not take what is written while ``away``."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.engines, self._answer)
        self.away = False
        self.refused = 0

    def _answer(self) -> None:
        if self.away:
            self.refused += 1
            raise TemporaryError("The database did not take it.")


async def test_a_database_that_was_away_for_a_moment_gets_everything_later_and_once(harness: AlertsHarness) -> None:
    moody = FlakyStore(harness.store)
    enricher = EnrichmentHarness(harness, store=moody)
    await fire_and_deliver(harness, enricher)

    async def goes_away() -> None:
        moody.away = True

    enricher.cluster.hook = goes_away
    async with enricher.running() as working:
        await enricher.submit_due()
        async with asyncio.timeout(10):
            while not moody.refused or enricher.cluster.open_questions:
                assert not working.done()
                await asyncio.sleep(0.01)
        enricher.cluster.hook = FakeSource().hook
        moody.away = False
        harness.clock.advance(TIMER_CLAIM_TIMEOUT + SECOND)
        assert await enricher.submit_due() == 1
        await wait_enriched(harness, working)
    assert (await enricher.thread()).keys() == ALL_PARTS
    assert len(enricher.cluster.asked) == 2


async def test_what_the_database_did_not_take_of_one_part_leaves_no_other_running_behind(harness: AlertsHarness) -> None:
    moody, found = FlakyStore(harness.store), asyncio.Event()
    enricher = EnrichmentHarness(
        harness, store=moody, prometheus=FakePrometheus(FakeSource(hangs=True), FakeSource(hangs=True)), seconds=SHORT_TIMEOUT
    )
    await fire_and_deliver(harness, enricher)

    async def waits() -> None:
        await found.wait()

    enricher.cluster.hook = waits
    moody.away = True
    looked = asyncio.create_task(enricher.enrichment.enrich((await harness.group()).id))
    async with asyncio.timeout(10):
        while not moody.refused:
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not looked.done()
    moody.away = False
    found.set()
    with pytest.raises(TemporaryError):
        await looked
    assert "pods-1" in await enricher.thread()


async def test_after_a_crash_in_the_middle_nothing_is_lost_and_nothing_said_twice(harness: AlertsHarness) -> None:
    died = EnrichmentHarness(harness, cluster=FakeCluster(hangs=True))
    await fire_and_deliver(harness, died)
    async with died.running():
        await died.submit_due()
        async with asyncio.timeout(10):
            while len(await died.thread()) < 2:
                await asyncio.sleep(0.01)
    before = await died.thread()
    came_after = EnrichmentHarness(harness)
    assert await came_after.submit_due() == 0
    harness.clock.advance(TIMER_CLAIM_TIMEOUT + SECOND)
    await came_after.enrich_due()
    thread = await came_after.thread()
    assert thread.keys() == ALL_PARTS
    assert {key: thread[key] for key in before} == before
    assert await pending_groups(harness) == []


async def test_stopped_before_it_began_it_leaves_no_loose_ends(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fire_and_deliver(harness, enricher)
    group = await harness.group()
    for passes in range(12):
        looked = asyncio.create_task(enricher.enrichment.enrich(group.id))
        for _ in range(passes):
            await asyncio.sleep(0)
        looked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looked
    assert (await harness.group()).episode == 1
