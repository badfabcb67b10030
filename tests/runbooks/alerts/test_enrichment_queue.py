"""Which groups are enriched: those that resolve, vanish or fold meanwhile, floods, late timers, a second replica."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain.alerts.alerts import GroupState
from runbooks.queued_timers import WORKERS
from storage.store import Store
from storage.tables.alerts import alert_groups
from storage.timers import TIMER_CLAIM_TIMEOUT
from tests.harness.alerts import MINUTE, SECOND, AlertsHarness, numbered_notification, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.enrichment import (
    ALL_PARTS,
    SHORT_TIMEOUT,
    EnrichmentHarness,
    FakeCluster,
    FakePrometheus,
    FakeSource,
    alert_with_expression,
    fire_and_deliver,
    pending_groups,
    wait_enriched,
)
from tests.harness.samples.alerts import SUSPECT
from tests.harness.samples.notifications import notification

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

FLOOD = 30


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        yield opened


async def test_what_was_resolved_by_then_is_not_looked_into(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fire_and_deliver(harness, enricher)
    await harness.receive(notification(replace(alert_with_expression(), firing=False, ends_at=harness.clock.now())))
    await enricher.enrich_due()
    assert (await harness.group()).state is GroupState.RESOLVED
    assert (enricher.suspects.asked, await enricher.thread(), await pending_groups(harness)) == ([], {}, [])


async def test_what_is_resolved_and_fires_again_meanwhile_is_told_of_its_new_episode_alone(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fire_and_deliver(harness, enricher)

    async def turns() -> None:
        enricher.cluster.hook = FakeSource().hook
        harness.clock.advance(MINUTE)
        ended = replace(alert_with_expression(), firing=False, ends_at=harness.clock.now())
        await harness.receive(
            notification(ended), notification(replace(alert_with_expression(), starts_at=harness.clock.now() + SECOND))
        )

    enricher.cluster.hook = turns
    async with enricher.running() as working:
        await enricher.submit_due()
        async with asyncio.timeout(10):
            while (await harness.group()).episode < 2 or enricher.cluster.open_questions:
                await asyncio.sleep(0.01)
        await enricher.submit_due()
        await wait_enriched(harness, working)
    thread = await enricher.thread()
    assert "pods-1" not in thread
    assert {"suspects-2", "chart-2", "pods-2"} <= thread.keys()
    assert await pending_groups(harness) == []


async def test_what_is_gone_meanwhile_is_let_go(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(
        harness,
        seconds=SHORT_TIMEOUT,
        cluster=FakeCluster(hangs=True),
        prometheus=FakePrometheus(range_source=FakeSource(hangs=True)),
    )
    await fire_and_deliver(harness, enricher)

    async def long_ago() -> None:
        async with harness.store.engines.write.begin() as connection:
            await connection.execute(alert_groups.delete())

    enricher.suspects.hook = long_ago
    await enricher.enrich_due()
    assert await harness.groups() == []
    assert (await enricher.thread(), await pending_groups(harness)) == ({}, [])


async def test_what_a_storm_folds_away_is_not_looked_into(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await harness.receive(*(numbered_notification(number) for number in range(25)))
    await enricher.deliver()
    folded = [each for each in await harness.groups() if each.storm]
    assert folded
    await enricher.enrichment.enrich(folded[0].id)
    assert len(await pending_groups(harness)) == 25 - len(folded)
    assert enricher.suspects.asked == []


async def test_a_flood_is_looked_into_some_at_a_time_each_group_once(harness: AlertsHarness) -> None:
    """Thirty cards come up at once, and looking into them all takes longer than a timer is held."""
    harness.catalogue = harness.catalogue.model_copy(
        update={"alerts": harness.catalogue.alerts.model_copy(update={"storm_threshold_per_minute": 1000})}  # type: ignore[union-attr]
    )
    enricher = EnrichmentHarness(harness)
    for number in range(FLOOD):
        labels = {"alertname": "HighErrorRate", "pod": f"n{number}"}
        one = alert_with_expression(f"n{number}", expression=f"errors_{number} > 10")
        await harness.store_notifications(notification(one, key=f'{{}}:{{pod="n{number}"}}', labels=labels))
    await harness.apply()
    await enricher.deliver()
    most = 0

    async def takes_seconds() -> None:
        nonlocal most
        harness.clock.advance(3 * SECOND)
        # The first waits for a second one, however slow the machine is.
        while (most := max(most, len(enricher.prometheus.range_source.open_questions))) < 2:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.005)

    enricher.prometheus.range_source.hook = takes_seconds
    began = harness.clock.now()
    assert await enricher.submit_due() == FLOOD
    async with enricher.running() as working, asyncio.timeout(40):
        while await pending_groups(harness):
            assert not working.done()
            await enricher.submit_due()
            await asyncio.sleep(0.01)
            harness.clock.advance(SECOND / 2)
        # Whatever was handed over twice comes before this one.
        await harness.receive(
            notification(alert_with_expression(expression="last > 10"), key='{}:{pod="last"}', labels={"pod": "last"})
        )
        await enricher.deliver()
        await enricher.submit_due()
        await wait_enriched(harness, working)
    assert harness.clock.now() - began > TIMER_CLAIM_TIMEOUT
    assert 1 < most <= WORKERS
    assert sorted(enricher.prometheus.range_source.asked) == sorted(["last", *(f"errors_{number}" for number in range(FLOOD))])
    assert sum(each.key.endswith("/t/chart-1") for each in await harness.outbox_entries()) == FLOOD + 1


async def test_a_timer_that_waited_too_long_is_left_to_whoever_takes_it_next(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fire_and_deliver(harness, enricher)
    assert await enricher.submit_due() == 1
    harness.clock.advance(enricher.queue.max_queue_age)
    async with enricher.running() as working:
        harness.clock.advance(TIMER_CLAIM_TIMEOUT - enricher.queue.max_queue_age + SECOND)
        await asyncio.sleep(0.05)
        assert enricher.suspects.asked == []
        assert await enricher.submit_due() == 1
        await wait_enriched(harness, working)
    assert (await enricher.thread()).keys() == ALL_PARTS


async def test_a_second_replica_adds_nothing(harness: AlertsHarness) -> None:
    first, second = EnrichmentHarness(harness), EnrichmentHarness(harness)
    await fire_and_deliver(harness, first)
    group = await harness.group()
    await asyncio.gather(first.enrichment.enrich(group.id), second.enrichment.enrich(group.id))
    keys = [each.key for each in await harness.outbox_entries()]
    assert len(keys) == len(set(keys)) + keys.count(f"{group.id}/card") - 1
    after = await harness.group()
    assert (after.suspect, after.value) == (SUSPECT, "14.2 (limit 10)")
