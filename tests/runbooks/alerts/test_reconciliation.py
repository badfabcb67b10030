"""Alertmanager is asked what fires. It is believed, and the thread says what changed and how that is known."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.alerts.alerts import GroupState, Notification
from domain.alerts.reconciliation import RESEND_GRACE
from domain.errors import TemporaryError
from domain.metrics.samples import Sample
from storage.store import Store
from tests.harness.alerts import MINUTE, SECOND, AlertsHarness, alerts_catalogue, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.reconciliation import ONE, TWO, alertmanager, asking_catalogue, fires, harness
from tests.harness.samples.notifications import alert, notification, webhook_payload

__all__ = ["alertmanager", "database_url", "harness", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

HOUR = timedelta(hours=1)
FIRING, RESOLVED = GroupState.FIRING, GroupState.RESOLVED


async def test_an_alert_that_ends_under_a_silence_is_resolved_and_the_thread_says_how_that_is_known(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager
) -> None:
    await fires(harness, alert("a"))
    await harness.pass_time(HOUR, MINUTE)
    assert (await harness.group()).state is FIRING, "silenced or not, what is listed fires"
    alertmanager.hear(alert("a", firing=False))
    await harness.pass_time(3 * MINUTE)
    assert (await harness.group()).state is RESOLVED
    (note,) = await harness.notes()
    assert note.startswith("Resolved after 1 h 2 min. Alertmanager never reported the end: asked, it has not listed this since ")


async def test_of_a_group_the_alerts_that_ended_are_named(harness: AlertsHarness, alertmanager: MemoryAlertmanager) -> None:
    group = await fires(harness, alert("a"), alert("b"))
    alertmanager.hear(alert("a", firing=False))
    await harness.pass_time(3 * MINUTE)
    assert await harness.alerts(group.id) == {"fp-a": False, "fp-b": True}
    (note,) = await harness.notes()
    assert note.startswith("1 alert resolved. 1 alert fires now. Alertmanager never reported the end: ")


async def test_what_one_list_alone_does_not_have_has_not_ended(harness: AlertsHarness, alertmanager: MemoryAlertmanager) -> None:
    await fires(harness, alert("a"))
    for _ in range(5):
        alertmanager.hear(alert("a", firing=False))
        await harness.pass_time(MINUTE)
        alertmanager.hear(alert("a"))
        await harness.pass_time(MINUTE)
    assert (await harness.group()).state is FIRING
    assert await harness.notes() == []


async def test_one_that_does_not_answer_ends_nothing(harness: AlertsHarness, alertmanager: MemoryAlertmanager) -> None:
    await fires(harness, alert("a"))
    alertmanager.hear(alert("a", firing=False))
    alertmanager.unreachable = True
    await harness.pass_time(2 * HOUR, MINUTE)
    assert (await harness.group()).state is FIRING
    alertmanager.unreachable = False
    await harness.pass_time(3 * MINUTE)
    assert (await harness.group()).state is RESOLVED


async def test_one_that_was_started_anew_ends_nothing_until_it_must_know(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager
) -> None:
    await fires(harness, alert("a"), key="1")
    await fires(harness, alert("b"), key="2")
    harness.clock.advance(HOUR)
    alertmanager.restart()
    await harness.pass_time(RESEND_GRACE - MINUTE)
    assert {each.state for each in await harness.groups()} == {FIRING}
    alertmanager.hear(alert("a"))
    await harness.pass_time(4 * MINUTE)
    assert [each.state for each in await harness.groups()] == [FIRING, RESOLVED]


async def test_one_that_has_not_found_its_peers_yet_ends_nothing(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager
) -> None:
    await fires(harness, alert("a"))
    alertmanager.hear(alert("a", firing=False))
    alertmanager.settled = False
    await harness.pass_time(HOUR, MINUTE)
    assert (await harness.group()).state is FIRING


async def test_another_one_than_the_sender_ends_nothing(harness: AlertsHarness, alertmanager: MemoryAlertmanager) -> None:
    """As where the catalogue names another cluster's, which has alerts of its own, some with the same labels."""
    alertmanager.hear(alert("other"), alert("a", began=harness.clock.now() - MINUTE))
    await fires(harness, alert("a"), listed=False)
    alertmanager.hear(alert("a", firing=False))
    await harness.pass_time(3 * HOUR, MINUTE)
    assert (await harness.group()).state is FIRING
    assert alertmanager.times_asked < 3 * 60 + 20, "at the usual interval, too"


async def test_a_second_sender_on_the_same_path_is_told_apart_by_its_own_address(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager
) -> None:
    """As Grafana's own alerting beside Prometheus' Alertmanager: it is not in the list, and has not ended for that."""
    await fires(harness, alert("a"))
    grafana = notification(alert("g"), key="grafana")
    await harness.store_text(_with_external_url(grafana, "https://grafana.example/"))
    await harness.pass_time(HOUR, MINUTE)
    assert [each.state for each in await harness.groups()] == [FIRING, FIRING]


def _with_external_url(sent: Notification, url: str) -> str:
    return json.dumps(webhook_payload(sent) | {"externalURL": url})


@pytest.mark.parametrize("problem", ["unreachable", "partitioned", "none"])
async def test_of_a_pair_both_are_asked(store: Store, problem: str) -> None:
    catalogue = asking_catalogue(sources={"pair": {"environment": "production", "alertmanagers": [ONE, TWO]}})
    async with open_alerts_harness(store, catalogue, [ONE, TWO]) as harness:
        one, two = harness.alertmanagers.values()
        one.hear(alert("a"))
        two.hear(alert("a"))
        await harness.receive(replace(notification(alert("a")), source="pair"))
        await harness.pass_time(10 * SECOND)
        one.hear(alert("a", firing=False))
        if problem == "unreachable":
            two.unreachable = True
        elif problem == "none":
            two.hear(alert("a", firing=False))
        await harness.pass_time(HOUR, MINUTE)
        assert (await harness.group()).state is (RESOLVED if problem == "none" else FIRING)


class _Rules:
    """A Prometheus: whether the rule fires, None where it does not answer."""

    def __init__(self, *, fires: bool | None) -> None:
        self.fires = fires
        self.asked: list[str] = []

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]:
        self.asked.append(expression)
        if self.fires is None:
            raise TemporaryError("Prometheus does not answer.")
        return (Sample(labels=dict(only), value=1.0),) if self.fires else ()


@pytest.mark.parametrize(("rule_fires", "state"), [(True, FIRING), (None, FIRING), (False, RESOLVED)])
async def test_one_that_has_lost_its_prometheus_ends_nothing_that_prometheus_says_fires(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager, *, rule_fires: bool | None, state: GroupState
) -> None:
    """As of a pair of which one is cut off, and the catalogue names that one: its alerts time out, all of them."""
    rules = harness.prometheus_servers["production"] = _Rules(fires=rule_fires)
    await fires(harness, alert("a"))
    alertmanager.alerts.clear()
    await harness.pass_time(HOUR, MINUTE)
    assert (await harness.group()).state is state
    assert rules.asked[0] == 'ALERTS{alertstate="firing",alertname="HighErrorRate"}'


async def test_after_an_outage_of_ours_it_is_asked_at_once(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager, store: Store
) -> None:
    await fires(harness, alert("a"))
    harness.clock.advance(2 * HOUR)
    alertmanager.hear(alert("a", firing=False))
    async with open_alerts_harness(store, harness.catalogue) as restarted:
        restarted.clock, restarted.alertmanagers = harness.clock, harness.alertmanagers
        restarted.__post_init__()
        await restarted.reconciler.schedule()
        await restarted.fire_due_timers()
        await restarted.pass_time(MINUTE)
    assert (await harness.group()).state is RESOLVED


async def test_where_nothing_differs_it_is_one_request_a_minute_and_nothing_is_written(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager
) -> None:
    for number in range(10):
        alertmanager.hear(alert(f"n{number}"))
        await harness.receive(notification(alert(f"n{number}"), key=f"{number}"))
    await harness.pass_time(10 * SECOND)
    before, asked = await harness.outbox_entries(), alertmanager.times_asked
    groups = await harness.groups()
    await harness.pass_time(10 * MINUTE)
    assert 9 <= alertmanager.times_asked - asked <= 11
    assert await harness.outbox_entries() == before
    assert await harness.groups() == groups


async def test_without_alerts_nobody_is_asked(harness: AlertsHarness, alertmanager: MemoryAlertmanager) -> None:
    await harness.reconciler.schedule()
    await harness.pass_time(10 * MINUTE)
    assert alertmanager.times_asked == 0


async def test_what_the_bot_raised_itself_is_in_no_list_and_goes_on(store: Store) -> None:
    catalogue = asking_catalogue(watchdogs=[{"name": "w", "match": ["alertname=Watchdog"], "within_minutes": 1}])
    async with open_alerts_harness(store, catalogue, [ONE]) as harness:
        await harness.intake.start_watchdogs()
        await fires(harness, alert("a"))
        await harness.pass_time(10 * MINUTE)
        assert [each.state for each in await harness.groups()] == [FIRING, FIRING]


async def test_a_folded_group_that_ended_is_counted_on_the_storms_card(store: Store) -> None:
    async with open_alerts_harness(store, asking_catalogue(storm_threshold_per_minute=1), [ONE]) as harness:
        for name in "abc":
            await fires(harness, alert(name), key=name)
        harness.alertmanagers[ONE].hear(alert("c", firing=False))
        await harness.pass_time(3 * MINUTE)
        (storm,) = await harness.storm_cards()
        assert (storm.groups, storm.firing) == (2, 1)


async def test_stored_notifications_are_applied_first(harness: AlertsHarness, alertmanager: MemoryAlertmanager) -> None:
    await fires(harness, alert("a"))
    alertmanager.hear(alert("a", firing=False))
    harness.clock.advance(2 * MINUTE)
    await harness.fire_due_timers()
    harness.clock.advance(2 * MINUTE)
    await harness.store_notifications(notification(alert("a", firing=False)))
    await harness.fire_due_timers()
    assert (await harness.group()).state is FIRING
    await harness.pass_time(MINUTE)
    assert await harness.notes() == ["Resolved after 4 min 11 s."], "Alertmanager did report the end"


async def test_the_same_timer_worked_on_twice_says_it_once(harness: AlertsHarness, alertmanager: MemoryAlertmanager) -> None:
    """As after a crash between the change and the timer, or where a claim has run out."""
    await fires(harness, alert("a"))
    alertmanager.hear(alert("a", firing=False))
    await harness.pass_time(MINUTE + 5 * SECOND)
    harness.clock.advance(MINUTE)
    (timer,) = await harness.due_timers()
    for _ in range(2):
        await harness.reconciler.submit(timer, harness.clock.now())
    await harness.reconciler.run_once()
    assert len(await harness.notes()) == 1


async def test_an_alertmanager_that_the_catalogue_no_longer_names_is_not_asked(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager
) -> None:
    await fires(harness, alert("a"))
    harness.catalogue = alerts_catalogue()
    await harness.pass_time(2 * MINUTE)
    asked = alertmanager.times_asked
    await harness.pass_time(HOUR, MINUTE)
    assert alertmanager.times_asked == asked
    assert await harness.due_timers() == []
    harness.catalogue = asking_catalogue()
    alertmanager.hear(alert("a", firing=False))
    await harness.reconciler.schedule()
    await harness.pass_time(3 * MINUTE)
    assert (await harness.group()).state is RESOLVED
