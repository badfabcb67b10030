"""Notifications that contradict each other: Alertmanager decides, and without one no firing is ever dropped."""

from datetime import timedelta

import pytest

from domain.alerts.alerts import GroupState, Notification
from storage.store import Store
from tests.harness.alerts import MINUTE, SECOND, AlertsHarness, alerts_catalogue, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.reconciliation import ONE, alertmanager, asking_catalogue, fires, harness
from tests.harness.samples.notifications import alert, notification

__all__ = ["alertmanager", "database_url", "harness", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

FIRING, RESOLVED = GroupState.FIRING, GroupState.RESOLVED


def refired(harness: AlertsHarness, name: str = "a") -> Notification:
    """It fires again with the beginning that it had."""
    return notification(alert(name))


async def test_one_that_fires_again_with_the_same_beginning_within_seconds_is_firing(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager
) -> None:
    await fires(harness, alert("a"))
    await harness.receive(notification(alert("a", firing=False, ended=harness.clock.now())))
    harness.clock.advance(5 * SECOND)
    alertmanager.hear(alert("a"))
    await harness.receive(refired(harness))
    await harness.pass_time(10 * SECOND)
    assert (await harness.group()).state is FIRING
    assert "Asked, Alertmanager lists this as firing: Prometheus sent it last at 14:02:1" in (await harness.notes())[-1]


@pytest.mark.parametrize("later", [5 * SECOND, 10 * MINUTE])
async def test_a_late_word_of_another_replica_changes_nothing(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager, later: timedelta
) -> None:
    await fires(harness, alert("a"))
    alertmanager.hear(alert("a", firing=False))
    await harness.receive(notification(alert("a", firing=False, ended=harness.clock.now())))
    harness.clock.advance(later)
    await harness.receive(refired(harness))
    await harness.pass_time(5 * MINUTE)
    assert (await harness.group()).state is RESOLVED
    assert len(await harness.notes()) == 1


async def test_a_firing_of_which_no_notification_came_is_found(harness: AlertsHarness, alertmanager: MemoryAlertmanager) -> None:
    await fires(harness, alert("a"))
    await harness.receive(notification(alert("a", firing=False, ended=harness.clock.now())))
    harness.clock.advance(SECOND)
    alertmanager.hear(alert("a"))
    await harness.pass_time(2 * MINUTE)
    assert (await harness.group()).state is FIRING


async def test_a_list_that_has_not_heard_of_the_end_is_no_proof(harness: AlertsHarness) -> None:
    await fires(harness, alert("a"))
    harness.clock.advance(MINUTE)
    await harness.receive(notification(alert("a", firing=False, ended=harness.clock.now())))
    await harness.pass_time(4 * MINUTE)
    assert (await harness.group()).state is RESOLVED, "the peer that is asked lists it until its own time is over"


@pytest.mark.parametrize("has_alertmanager", [True, False])
async def test_where_nobody_can_say_a_firing_is_never_dropped(store: Store, *, has_alertmanager: bool) -> None:
    catalogue = asking_catalogue() if has_alertmanager else alerts_catalogue()
    async with open_alerts_harness(store, catalogue, [ONE] if has_alertmanager else ()) as harness:
        for each in harness.alertmanagers.values():
            each.unreachable = True
        await harness.receive(notification(alert("a")), notification(alert("a", firing=False)), refired(harness))
        assert (await harness.group()).state is RESOLVED, "for some seconds it may be a late repetition"
        await harness.pass_time(30 * SECOND)
        assert (await harness.group()).state is FIRING
        said = "Alertmanager said so at 14:02:02 UTC, after it had reported the end, and "
        cannot = "cannot tell now which is true." if has_alertmanager else "has not taken it back since."
        assert (await harness.notes())[-1].endswith(said + cannot)


async def test_without_an_alertmanager_a_later_word_of_the_end_settles_it(store: Store) -> None:
    async with open_alerts_harness(store) as harness:
        end = notification(alert("a", firing=False))
        await harness.receive(notification(alert("a")), end, refired(harness), end)
        await harness.pass_time(5 * MINUTE)
        assert (await harness.group()).state is RESOLVED
        assert len(await harness.notes()) == 1


async def test_what_moved_to_another_group_with_the_routing_does_not_fire_again_in_the_old_one(
    harness: AlertsHarness, alertmanager: MemoryAlertmanager
) -> None:
    await fires(harness, alert("a"), key="old")
    await harness.receive(notification(alert("a", firing=False, ended=harness.clock.now()), key="old"))
    began = harness.clock.now() + MINUTE
    moved = [alert("a", began=began), alert("b", began=began), alert("c", began=began)]
    harness.clock.advance(MINUTE)
    await fires(harness, *moved, key="new")
    await harness.pass_time(3 * MINUTE)
    assert [each.state for each in await harness.groups()] == [RESOLVED, FIRING]
