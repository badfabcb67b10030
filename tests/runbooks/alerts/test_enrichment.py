"""What is found out about a group once its card is up: each part alone, nothing twice, nothing lost, never in the card's way."""

from collections.abc import AsyncIterator

import pytest

from domain.alerts import watchdogs
from domain.catalogue.alerts import WatchdogConfig
from domain.errors import DeepechoError, PermanentError, TemporaryError
from storage.store import Store
from tests.harness.alerts import AlertsHarness, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.enrichment import (
    ALL_PARTS,
    EnrichmentHarness,
    FakeCluster,
    FakePrometheus,
    FakeSource,
    FakeSuspects,
    alert_with_expression,
    fire_and_deliver,
    pending_groups,
    pod_failure,
)
from tests.harness.families import render_text
from tests.harness.samples.alerts import SUSPECT
from tests.harness.samples.notifications import notification

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        yield opened


async def test_once_the_card_is_up_its_thread_and_card_tell_what_is_known(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await harness.receive(notification(alert_with_expression()))
    assert await pending_groups(harness) == []
    await enricher.deliver()
    assert len(await pending_groups(harness)) == 1
    await enricher.enrich_due()
    assert (await enricher.thread()).keys() == ALL_PARTS
    group = await harness.group()
    assert (group.suspect, group.value) == (SUSPECT, "14.2 (limit 10)")
    chart = (await enricher.thread())["chart-1"].chart
    assert chart is not None
    assert [each.text for each in chart.markers] == [SUSPECT.change.description, "alert"]
    assert enricher.prometheus.range_source.asked == enricher.prometheus.value_source.asked == ["error_ratio"]


async def test_an_edit_of_the_card_is_not_looked_into_again(harness: AlertsHarness) -> None:
    enricher = EnrichmentHarness(harness)
    await fire_and_deliver(harness, enricher)
    await enricher.enrich_due()
    await fire_and_deliver(harness, enricher, "a", "b")
    assert await pending_groups(harness) == []


async def test_the_card_is_edited_only_for_what_changed_on_it(harness: AlertsHarness) -> None:
    """Pods that fail, and what was not found out, stand in the thread alone: a workspace has fifty edits a minute."""
    enricher = EnrichmentHarness(
        harness, suspects=FakeSuspects(found=()), prometheus=FakePrometheus(value_source=FakeSource(error=TemporaryError("away")))
    )
    await fire_and_deliver(harness, enricher)
    await enricher.enrich_due()
    waiting = [each for each in await harness.outbox_entries() if each.state == "pending"]
    assert {each.key.rpartition("/")[2] for each in waiting} == {"chart-1", "pods-1"}


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
    await fire_and_deliver(harness, enricher)
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
    await fire_and_deliver(harness, enricher)
    await enricher.enrich_due()
    thread = await enricher.thread()
    shown = [render_text(thread[key]) for key in ("chart-1", "pods-1")]
    assert all("•••" in each for each in shown)
    assert not any("hunter2" in each for each in shown)
