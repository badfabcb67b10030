"""What is found out about a group once its card is up: each part alone, nothing twice, nothing lost, never in the card's way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.alerts import watchdogs
from domain.alerts.alerts import GroupState
from domain.catalogue.alerts import WatchdogConfig
from domain.errors import DeepechoError, Denied, PermanentError, Refused, TemporaryError
from runbooks.alerts.enrichment import ENRICHMENT_CONCURRENCY, MAX_QUEUE_AGE
from storage.store import Store
from storage.timers import TIMER_CLAIM_TIMEOUT
from tests.harness.alerts import MINUTE, SECOND, AlertsHarness, numbered_notification, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.enrichment import (
    SHORT_TIMEOUT,
    EnrichmentHarness,
    FakeCluster,
    FakePrometheus,
    FakeSource,
    FakeSuspects,
    alert_with_expression,
    pending_groups,
    pod_failure,
    wait_enriched,
)
from tests.harness.families import render_text
from tests.harness.samples.alerts import SUSPECT
from tests.harness.samples.notifications import notification

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

EVERYTHING = {"suspects-1", "chart-1", "pods-1"}
FLOOD = 70


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        yield opened


async def fires(harness: AlertsHarness, enricher: EnrichmentHarness, *names: str) -> None:
    """The group's card is up."""
    await harness.receive(notification(*(alert_with_expression(name) for name in names or ("a",))))
    await enricher.deliver()


async def test_once_the_card_is_up_its_thread_and_card_tell_what_is_known(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await harness.receive(notification(alert_with_expression()))
    assert await pending_groups(harness) == []
    await enricher.deliver()
    assert len(await pending_groups(harness)) == 1
    await enricher.enrich_due()
    assert (await enricher.thread()).keys() == EVERYTHING
    group = await harness.group()
    assert (group.suspect, group.value) == (SUSPECT, "14.2 (limit 10)")
    chart = (await enricher.thread())["chart-1"].chart
    assert chart is not None
    assert [each.text for each in chart.markers] == [SUSPECT.change.description, "alert"]
    assert enricher.prometheus.range_source.asked == enricher.prometheus.value_source.asked == ["error_ratio"]


async def test_an_edit_of_the_card_is_not_looked_into_again(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fires(harness, enricher)
    await enricher.enrich_due()
    await fires(harness, enricher, "a", "b")
    assert await pending_groups(harness) == []


async def test_the_card_is_edited_only_for_what_changed_on_it(harness: AlertsHarness) -> None:
    """Pods that fail, and what was not found out, stand in the thread alone: a workspace has fifty edits a minute."""
    enricher = EnrichmentHarness(
        harness, suspects=FakeSuspects(found=()), prometheus=FakePrometheus(value_source=FakeSource(error=TemporaryError("away")))
    )
    await fires(harness, enricher)
    await enricher.enrich_due()
    waiting = [each for each in await harness.outbox_entries() if each.state == "pending"]
    assert {each.key.rpartition("/")[2] for each in waiting} == {"chart-1", "pods-1"}


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
    enricher = EnrichmentHarness(harness, seconds=SHORT_TIMEOUT)
    if isinstance(trouble, FakeCluster):
        enricher = EnrichmentHarness(harness, seconds=SHORT_TIMEOUT, cluster=trouble)
    elif isinstance(trouble, FakeSuspects):
        enricher = EnrichmentHarness(harness, seconds=SHORT_TIMEOUT, suspects=trouble)
    else:
        enricher.prometheus.range_source = trouble
    await fires(harness, enricher)
    await enricher.enrich_due()
    thread = await enricher.thread()
    assert thread.keys() == EVERYTHING
    assert str(thread[f"{part}-1"].text).endswith(f" {said}")
    assert not any(str(each.text).endswith(said) for key, each in thread.items() if key != f"{part}-1")
    group = await harness.group()
    assert group.value == "14.2 (limit 10)"
    assert (group.suspect is None) is (part == "suspects")


async def test_what_is_found_is_told_while_another_part_still_waits(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness, cluster=FakeCluster(hangs=True))
    await fires(harness, enricher)
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
    await fires(harness, enricher)
    await enricher.enrich_due()
    chart = (await enricher.thread())["chart-1"].chart
    assert chart is not None
    assert [each.text for each in chart.markers] == ["alert"]


async def test_a_part_that_cannot_be_kept_ends_neither_the_workers_nor_the_other_parts(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness, cluster=FakeCluster(found=(pod_failure("half a pair: \ud800"),)))
    await fires(harness, enricher)
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
    await fires(harness, enricher)

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
    assert (await enricher.thread()).keys() == EVERYTHING
    assert len(enricher.cluster.asked) == 2


async def test_what_the_database_did_not_take_of_one_part_leaves_no_other_running_behind(harness: AlertsHarness) -> None:
    moody, found = FlakyStore(harness.store), asyncio.Event()
    enricher = EnrichmentHarness(
        harness, store=moody, prometheus=FakePrometheus(FakeSource(hangs=True), FakeSource(hangs=True)), seconds=SHORT_TIMEOUT
    )
    await fires(harness, enricher)

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
    await fires(harness, died)
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
    assert thread.keys() == EVERYTHING
    assert {key: thread[key] for key in before} == before
    assert await pending_groups(harness) == []


async def test_stopped_before_it_began_it_leaves_no_loose_ends(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fires(harness, enricher)
    group = await harness.group()
    for passes in range(12):
        looked = asyncio.create_task(enricher.enrichment.enrich(group.id))
        for _ in range(passes):
            await asyncio.sleep(0)
        looked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looked
    assert (await harness.group()).episode == 1


async def test_what_was_resolved_by_then_is_not_looked_into(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fires(harness, enricher)
    await harness.receive(notification(replace(alert_with_expression(), firing=False, ends_at=harness.clock.now())))
    await enricher.enrich_due()
    assert (await harness.group()).state is GroupState.RESOLVED
    assert (enricher.suspects.asked, await enricher.thread(), await pending_groups(harness)) == ([], {}, [])


async def test_what_is_resolved_and_fires_again_meanwhile_is_told_of_its_new_episode_alone(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fires(harness, enricher)

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
    await fires(harness, enricher)

    async def long_ago() -> None:
        group = await harness.group()
        async with harness.store.write() as tx:
            await tx.alerts.save(
                [replace(group, state=GroupState.RESOLVED, resolved_at=harness.clock.now() - timedelta(days=40))]
            )
            await tx.alerts.prune(harness.clock.now() - timedelta(days=30))

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


@pytest.mark.parametrize(
    ("labels", "asked"),
    [
        ({"environment": "", "service": ""}, []),
        ({"environment": "production", "service": ""}, [" in production"]),
        ({"environment": "staging", "service": "deep-echo-main"}, ["deep-echo-main in staging"]),
        ({"environment": "nowhere", "service": "nothing"}, []),
    ],
)
async def test_only_what_has_a_place_is_looked_for_there(
    harness: AlertsHarness, labels: dict[str, str], asked: list[str]
) -> None:
    enricher = EnrichmentHarness(harness)
    await harness.receive(notification(alert_with_expression(**labels)))
    await enricher.deliver()
    await enricher.enrich_due()
    assert enricher.suspects.asked == asked
    assert bool(enricher.prometheus.range_source.asked) is (labels["environment"] == "production")
    assert bool(enricher.cluster.asked) is (labels["service"] == "deep-echo-main")


async def test_an_environment_that_a_reload_took_away_ends_nothing(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fires(harness, enricher)
    environments = {name: each for name, each in harness.catalogue.environments.items() if name != "production"}
    harness.catalogue = harness.catalogue.model_copy(update={"environments": environments, "services": {}})
    await enricher.enrich_due()
    assert "pods-1" not in await enricher.thread()
    assert await pending_groups(harness) == []


async def test_a_watchdog_that_stays_away_is_looked_into_without_a_place(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    watchdog = WatchdogConfig.model_validate(
        {"name": "prometheus", "match": ["alertname=Watchdog"], "within_minutes": 10, "severity": "P1"}
    )
    async with harness.store.write() as tx:
        await harness.intake.raise_own_alert(
            tx, watchdogs.missing_notification(watchdog, harness.clock.now()), watchdog, harness.clock.now()
        )
    await enricher.deliver()
    await enricher.enrich_due()
    assert (await enricher.thread(), enricher.suspects.asked) == ({}, [])


async def test_a_flood_is_looked_into_some_at_a_time_each_group_once(harness: AlertsHarness) -> None:
    """Seventy cards come up at once, and looking into them all takes longer than a timer is held."""
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

    async def takes_a_second() -> None:
        nonlocal most
        most = max(most, len(enricher.prometheus.range_source.open_questions))
        harness.clock.advance(SECOND)
        await asyncio.sleep(0.005)

    enricher.prometheus.range_source.hook = takes_a_second
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
    assert 1 < most <= ENRICHMENT_CONCURRENCY
    assert sorted(enricher.prometheus.range_source.asked) == sorted(["last", *(f"errors_{number}" for number in range(FLOOD))])
    assert sum(each.key.endswith("/t/chart-1") for each in await harness.outbox_entries()) == FLOOD + 1


async def test_a_timer_that_waited_too_long_is_left_to_whoever_takes_it_next(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fires(harness, enricher)
    assert await enricher.submit_due() == 1
    harness.clock.advance(MAX_QUEUE_AGE)
    async with enricher.running() as working:
        harness.clock.advance(TIMER_CLAIM_TIMEOUT - MAX_QUEUE_AGE + SECOND)
        await asyncio.sleep(0.05)
        assert enricher.suspects.asked == []
        assert await enricher.submit_due() == 1
        await wait_enriched(harness, working)
    assert (await enricher.thread()).keys() == EVERYTHING


async def test_an_expression_goes_to_our_own_prometheus_whoever_sent_it(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await harness.receive(notification(alert_with_expression(host="evil.example:1@metadata.internal")))
    await enricher.deliver()
    await enricher.enrich_due()
    assert enricher.prometheus.range_source.asked == ["error_ratio"]


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("Prometheus does not take the expression: up{token=hunter2hunter2}"),
        TemporaryError("Prometheus at https://bot:hunter2hunter2@prometheus.example cannot be reached."),
    ],
)
async def test_what_holds_a_secret_is_not_shown(harness: AlertsHarness, error: DeepechoError) -> None:
    pod = pod_failure("password=hunter2hunter2", "Authorization: Bearer hunter2hunter2")
    enricher = EnrichmentHarness(
        harness, cluster=FakeCluster(found=(pod,)), prometheus=FakePrometheus(range_source=FakeSource(error=error))
    )
    await fires(harness, enricher)
    await enricher.enrich_due()
    thread = await enricher.thread()
    shown = [render_text(thread[key]) for key in ("chart-1", "pods-1")]
    assert all("•••" in each for each in shown)
    assert not any("hunter2" in each for each in shown)


async def test_a_second_replica_adds_nothing(harness: AlertsHarness) -> None:
    first, second = EnrichmentHarness(harness), EnrichmentHarness(harness)
    await fires(harness, first)
    group = await harness.group()
    await asyncio.gather(first.enrichment.enrich(group.id), second.enrichment.enrich(group.id))
    keys = [each.key for each in await harness.outbox_entries()]
    assert len(keys) == len(set(keys)) + keys.count(f"{group.id}/card") - 1
    after = await harness.group()
    assert (after.suspect, after.value) == (SUSPECT, "14.2 (limit 10)")
