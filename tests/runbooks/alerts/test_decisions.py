"""Route, severity, place and watchdogs follow all labels of what fires, however many there are."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from domain.alerts.groups import StoredGroup, apply_notification
from domain.alerts.reconciliation import correction
from storage.store import Store
from tests.harness.alert_scenario import TIMINGS
from tests.harness.alerts import CRITICAL, WARNING, AlertsHarness, alerts_catalogue, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.samples.notifications import alert, notification

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

MANY = {f"label_pod_attribute_{number:03}": f"v{number}" for number in range(150)}
CRITICAL_LABELS, WARNING_LABELS = {"severity": "critical"}, {"severity": "warning"}


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        yield opened


@pytest.mark.parametrize("first", [True, False])
async def test_labels_beyond_those_that_are_stored_decide(harness: AlertsHarness, first: bool) -> None:  # noqa: FBT001
    deciding = {"severity": "critical", "environment": "production", "pod": "deep-echo-main-6b7f9c55-x2x4z", "zzz": "last"}
    await harness.receive(notification(alert("a", labels=deciding | MANY if first else MANY | deciding)))
    group = await harness.group()
    assert (group.channel, str(group.severity), group.environment, group.service) == (
        CRITICAL,
        "P1",
        "production",
        "deep-echo-main",
    )
    (example,) = group.examples
    assert len(example.labels) == 64


async def test_a_label_that_no_rule_named_when_it_came_decides_with_the_next_word(harness: AlertsHarness) -> None:
    one = alert("a", labels=MANY | {"zzz": "last"})
    await harness.receive(notification(one))
    rule: dict[str, Any] = {"match": ["zzz=last"], "channel": CRITICAL, "severity": "P0"}
    harness.catalogue = alerts_catalogue(routes=[rule])
    await harness.receive(notification(one))
    assert str((await harness.group()).severity) == "P0"
    assert await harness.notes() == ["It is P0 now, it was P3. 1 alert fires now."]


async def test_repeating_an_alert_of_many_labels_changes_nothing(harness: AlertsHarness) -> None:
    one = alert("a", labels=MANY)
    await harness.receive(notification(one))
    before = await harness.group()
    await harness.receive(notification(one))
    assert await harness.group() == before


async def test_a_watchdog_is_known_by_any_of_its_labels(harness: AlertsHarness) -> None:
    harness.catalogue = alerts_catalogue(watchdogs=[{"name": "prometheus", "match": ["zzz=alive"]}])
    await harness.receive(notification(alert("a", labels=MANY | {"zzz": "alive"})))
    assert await harness.groups() == []


async def test_the_severity_falls_with_the_worst_that_ends(harness: AlertsHarness) -> None:
    worst, other = alert("a", labels=CRITICAL_LABELS), alert("b", labels=WARNING_LABELS)
    await harness.receive(notification(worst, other))
    await harness.receive(notification(replace(alert("a", firing=False), labels=worst.labels), other))
    group = await harness.group()
    assert (str(group.severity), group.route.rule, group.channel) == ("P2", "warning", CRITICAL)
    assert await harness.notes() == ["1 alert resolved. It is P2 now, it was P1. 1 alert fires now."]


async def test_what_a_notification_leaves_out_still_counts(harness: AlertsHarness) -> None:
    worst, other = alert("a", labels=CRITICAL_LABELS), alert("b", labels=WARNING_LABELS)
    await harness.receive(notification(worst, other))
    await harness.receive(notification(other, alert("c", labels=WARNING_LABELS), truncated=1))
    assert str((await harness.group()).severity) == "P1"


async def test_the_end_under_another_key_makes_it_less_severe_too(harness: AlertsHarness) -> None:
    worst, other = alert("a", labels=CRITICAL_LABELS), alert("b", labels=WARNING_LABELS)
    await harness.receive(notification(worst, other))
    ended = replace(alert("a", firing=False), labels=worst.labels)
    others = [alert(f"x{number}", labels=WARNING_LABELS) for number in range(3)]
    await harness.receive(notification(*others, key="other"), notification(ended, *others, key="other"))
    first, second = await harness.groups()
    assert {(str(each.severity), each.firing, each.channel) for each in (first, second)} == {
        ("P2", 1, CRITICAL),
        ("P2", 3, WARNING),
    }


async def test_a_group_that_is_over_keeps_the_severity_that_it_had(harness: AlertsHarness) -> None:
    worst = alert("a", labels=CRITICAL_LABELS)
    await harness.receive(notification(worst))
    await harness.receive(notification(replace(alert("a", firing=False), labels=worst.labels)))
    assert str((await harness.group()).severity) == "P1"


async def test_keys_that_differ_far_behind_are_two_groups(harness: AlertsHarness) -> None:
    long = '{}:{a="' + "x" * 20_000
    await harness.receive(notification(alert("a"), key=f'{long}1"}}'), notification(alert("b"), key=f'{long}2"}}'))
    groups = await harness.groups()
    assert len(groups) == 2
    assert {len(each.group_key) for each in groups} == {16_384}


async def test_an_alert_that_turns_out_to_fire_is_as_severe_as_its_labels_say(harness: AlertsHarness) -> None:
    worst, other = alert("a", labels=CRITICAL_LABELS), alert("b", labels=WARNING_LABELS)
    await harness.receive(notification(worst, other))
    await harness.receive(notification(replace(alert("a", firing=False), labels=worst.labels), other))
    group = await harness.group()
    async with harness.store.read() as tx:
        stored = (await tx.alerts.alerts_by_group([group.id]))[group.id]
    returned = replace(stored["fp-a"], firing=True, ends_at=None, starts_at=harness.clock.now())
    said = correction(group, (returned,), harness.clock.now(), "Alertmanager lists it.")
    change = apply_notification(StoredGroup(group, stored), said, TIMINGS)
    assert change is not None
    assert str(change.record.severity) == "P1"
