"""Two clusters with the same rules: each has its own cards, and the end of one's alert ends nothing of the other's."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.alerts.alerts import Alert, GroupState, Notification
from domain.catalogue.catalogue import Catalogue
from storage.store import Store
from tests.harness.alerts import INFO, AlertsHarness, alerts_catalogue, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import catalogue_data

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        yield opened


def from_cluster(source: str, *alerts: Alert, **more: Any) -> Notification:
    return replace(notification(*alerts, **more), source=source)


async def test_the_end_in_one_cluster_is_no_end_in_the_other(harness: AlertsHarness) -> None:
    await harness.receive(from_cluster("a", alert("n1")), from_cluster("b", alert("n1")))
    await harness.receive(from_cluster("b", alert("n1", firing=False)))
    assert {each.source: each.state for each in await harness.groups()} == {"a": GroupState.FIRING, "b": GroupState.RESOLVED}
    await harness.receive(from_cluster("a", alert("n1", firing=False)))
    assert {each.state for each in await harness.groups()} == {GroupState.RESOLVED}


async def test_a_changed_routing_finds_the_threads_of_its_own_cluster_only(harness: AlertsHarness) -> None:
    await harness.receive(from_cluster("a", alert("n1")))
    await harness.receive(from_cluster("b", alert("n1"), key="new"))
    assert [(each.source, each.group_key != "new") for each in await harness.groups()] == [("a", True), ("b", False)]
    await harness.receive(from_cluster("b", alert("n1", firing=False), key="newer"))
    assert {each.source: each.state for each in await harness.groups()} == {"a": GroupState.FIRING, "b": GroupState.RESOLVED}


async def test_two_clusters_within_one_batch_are_told_apart_too(harness: AlertsHarness) -> None:
    await harness.store_notifications(
        from_cluster("a", alert("n1")), from_cluster("b", alert("n1")), from_cluster("a", alert("n1", firing=False), key="new")
    )
    await harness.apply()
    assert {each.source: each.state for each in await harness.groups()} == {"a": GroupState.RESOLVED, "b": GroupState.FIRING}


async def test_what_a_cluster_does_not_say_of_its_alerts_the_catalogue_says_of_the_source(harness: AlertsHarness) -> None:
    harness.catalogue = alerts_catalogue(environment="production", sources={"b": {"environment": "staging"}})
    labels = {"environment": "production"}
    await harness.receive(
        from_cluster("", alert("n1"), key="1"),
        from_cluster("b", alert("n2"), key="2"),
        from_cluster("b", alert("n3", labels=labels), key="3"),
        from_cluster("unlisted", alert("n4"), key="4"),
    )
    assert [each.environment for each in await harness.groups()] == ["production", "staging", "production", "production"]


async def test_a_namespace_of_another_cluster_is_not_the_one_that_the_source_speaks_of(harness: AlertsHarness) -> None:
    data = catalogue_data()
    namespace = data["environments"]["production"]["namespace"]
    data["clusters"]["other"] = {"kubeconfig": "kubeconfig", "context": "other"}
    data["environments"]["abroad"] = {"cluster": "other", "namespace": "abroad"}
    alerts = {"default": {"channel": INFO, "severity": "P3"}, "sources": {"b": {"environment": "abroad"}}}
    harness.catalogue = Catalogue.model_validate(data | {"alerts": alerts})
    placed = alert("n1", labels={"namespace": namespace})
    await harness.receive(from_cluster("", placed, key="1"), from_cluster("b", placed, key="2"))
    assert [each.environment for each in await harness.groups()] == ["production", "abroad"]


async def test_one_clusters_watchdog_is_no_sign_of_life_of_the_other(harness: AlertsHarness) -> None:
    watchdog = {"match": [f"alertname={alert().labels['alertname']}"], "within_minutes": 10}
    harness.catalogue = alerts_catalogue(
        watchdogs=[{"name": "a", "source": "a", **watchdog}, {"name": "b", "source": "b", **watchdog}],
        default={"channel": INFO, "severity": "P3"},
    )
    await harness.intake.start_watchdogs()
    harness.clock.advance(9 * MINUTE)
    await harness.receive(from_cluster("a", alert("n1")))
    harness.clock.advance(2 * MINUTE)
    await harness.fire_due_timers()
    assert [each.labels["watchdog"] for each in await harness.groups()] == ["b"]


async def test_without_names_everything_is_one_source_as_ever(harness: AlertsHarness) -> None:
    await harness.receive(notification(alert("n1")), notification(alert("n1", firing=False)))
    group = await harness.group()
    assert (group.source, group.state) == ("", GroupState.RESOLVED)
