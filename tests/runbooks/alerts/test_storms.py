"""Too many new groups for one channel are one storm: folded, counted, and shown by themselves where that matters."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.alerts.alerts import GroupState
from domain.severities import Severity
from storage.store import Store
from tests.harness.alerts import WARNING, AlertsHarness, alerts_catalogue, numbered_notification, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        yield opened


async def test_more_new_groups_than_a_channel_can_bear_become_a_storm(harness: AlertsHarness) -> None:
    await harness.receive(*(numbered_notification(number) for number in range(30)))
    groups = await harness.groups()
    assert [bool(each.storm) for each in groups] == [False] * 20 + [True] * 10
    (storm,) = await harness.storm_cards()
    assert (storm.groups, storm.firing, storm.storm.channel) == (10, 10, WARNING)
    assert [each.id for each in storm.worst] == [each.id for each in reversed(groups[20:])]
    assert len(await harness.cards()) == 20, "a folded group has no card"
    assert [each.low_priority for each in await harness.outbox_entries() if each.key.startswith("st-")] == [False], (
        "a new storm is seen at once"
    )


async def test_another_channel_is_not_in_the_storm_and_an_outage_never(harness: AlertsHarness) -> None:
    await harness.receive(*(numbered_notification(number, severity="critical") for number in range(25)))
    await harness.receive(
        numbered_notification(100, severity="P0"), numbered_notification(101), numbered_notification(102, severity="critical")
    )
    groups = await harness.groups()
    assert [(each.severity, bool(each.storm)) for each in groups[25:]] == [
        (Severity.P0, False),
        (Severity.P2, False),
        (Severity.P1, True),
    ]


async def test_a_folded_group_that_becomes_an_outage_comes_out(harness: AlertsHarness) -> None:
    await harness.receive(*(numbered_notification(number, severity="critical") for number in range(22)))
    folded = (await harness.groups())[-1]
    await harness.mark_delivered()
    worse = numbered_notification(21, severity="P0")
    await harness.receive(worse)
    group = (await harness.groups())[-1]
    assert (group.id, group.storm, group.severity) == (folded.id, "", Severity.P0)
    (card,) = [each for each in await harness.outbox_entries() if each.key == f"{group.id}/card"]
    assert (card.state, card.low_priority) == ("pending", False)
    assert (await harness.storm_cards())[-1].groups == 1


async def test_the_storms_card_shows_the_last_numbers_also_after_its_end(harness: AlertsHarness) -> None:
    await harness.receive(*(numbered_notification(number) for number in range(30)))
    harness.clock.advance(6 * MINUTE)
    assert await harness.fire_due_timers() == ["storm-over"]
    (storm,) = await harness.storm_cards()
    assert storm.storm.ended_at == harness.clock.now()
    assert (storm.groups, storm.firing) == (10, 10)
    await harness.receive(*(numbered_notification(number, firing=False) for number in range(30)))
    (storm,) = await harness.storm_cards()
    assert (storm.groups, storm.firing, storm.worst) == (10, 0, ())
    assert storm.storm.ended_at is not None, "a later change does not begin it again"
    assert len(await harness.notes()) == 20, "folded groups have no threads"


async def test_a_storm_goes_on_while_groups_come_and_another_one_is_another_card(harness: AlertsHarness) -> None:
    await harness.receive(*(numbered_notification(number) for number in range(25)))
    harness.clock.advance(4 * MINUTE)
    await harness.receive(numbered_notification(25))
    harness.clock.advance(4 * MINUTE)
    assert await harness.fire_due_timers() == []
    harness.clock.advance(2 * MINUTE)
    assert await harness.fire_due_timers() == ["storm-over"]
    await harness.receive(*(numbered_notification(number) for number in range(100, 125)))
    first, second = await harness.storm_cards()
    assert (first.groups, second.groups) == (6, 5)
    assert first.storm.id != second.storm.id


async def test_two_storms_in_one_batch_have_a_card_each(harness: AlertsHarness) -> None:
    """What was kept while nobody applied it: the quiet between them is long past, and no clock has rung."""
    harness.catalogue = alerts_catalogue(storm_threshold_per_minute=1)
    await harness.store_notifications(*(numbered_notification(number) for number in range(3)))
    harness.clock.advance(10 * MINUTE)
    await harness.store_notifications(*(numbered_notification(number) for number in range(10, 13)))
    await harness.apply()
    cards = await harness.storm_cards()
    assert sorted((each.groups, each.firing) for each in cards) == [(2, 2), (2, 2)]
    assert len(await harness.cards()) == 2


async def test_what_fires_again_after_its_storm_has_ended_is_shown_by_itself(harness: AlertsHarness) -> None:
    await harness.receive(*(numbered_notification(number) for number in range(22)))
    await harness.receive(*(numbered_notification(number, firing=False) for number in range(22)))
    harness.clock.advance(30 * MINUTE)
    await harness.fire_due_timers()
    await harness.mark_delivered()
    await harness.receive(numbered_notification(21, began=harness.clock.now()))
    (card,) = [
        each
        for each in await harness.outbox_entries()
        if each.state == "pending" and each.key.startswith("al-") and "card" in each.key
    ]
    assert card.fact.storm == ""
    assert card.fact.state is GroupState.FIRING
    assert not card.low_priority
    assert (await harness.storm_cards())[-1].groups == 1, "it is no longer counted there"


async def test_when_all_of_them_fire_again_it_is_a_storm_again(harness: AlertsHarness) -> None:
    harness.catalogue = alerts_catalogue(storm_threshold_per_minute=2)
    await harness.receive(*(numbered_notification(number) for number in range(22)))
    await harness.receive(*(numbered_notification(number, firing=False) for number in range(22)))
    harness.clock.advance(30 * MINUTE)
    await harness.fire_due_timers()
    for number in range(22):
        await harness.receive(numbered_notification(number, began=harness.clock.now()))
    storms: dict[str, int] = {}
    for each in await harness.groups():
        storms[each.storm] = storms.get(each.storm, 0) + 1
    assert sorted(storms.values()) == [4, 18]
    assert storms[""] == 4
