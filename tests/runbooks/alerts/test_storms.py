"""Too many new groups for one channel are one storm: folded, counted, and shown by themselves where that matters."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.alerts.alerts import GroupState
from domain.severities import Severity
from storage.store import Store
from tests.harness.alerts import WARNING, AlertsHouse, alerting, numbered, open_alerts_house
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def house(store: Store) -> AsyncIterator[AlertsHouse]:
    async with open_alerts_house(store) as opened:
        yield opened


async def test_more_new_groups_than_a_channel_can_bear_become_a_storm(house: AlertsHouse) -> None:
    await house.tell(*(numbered(number) for number in range(30)))
    groups = await house.groups()
    assert [bool(each.storm) for each in groups] == [False] * 20 + [True] * 10
    (storm,) = await house.storm_cards()
    assert (storm.groups, storm.firing, storm.storm.channel) == (10, 10, WARNING)
    assert [each.id for each in storm.worst] == [each.id for each in reversed(groups[20:])]
    assert len(await house.cards()) == 20, "a folded group has no card"
    assert [each.quiet for each in await house.said() if each.key.startswith("st-")] == [False], "a new storm is seen at once"


async def test_another_channel_is_not_in_the_storm_and_an_outage_never(house: AlertsHouse) -> None:
    await house.tell(*(numbered(number, severity="critical") for number in range(25)))
    await house.tell(numbered(100, severity="P0"), numbered(101), numbered(102, severity="critical"))
    groups = await house.groups()
    assert [(each.severity, bool(each.storm)) for each in groups[25:]] == [
        (Severity.P0, False),
        (Severity.P2, False),
        (Severity.P1, True),
    ]


async def test_a_folded_group_that_becomes_an_outage_comes_out(house: AlertsHouse) -> None:
    await house.tell(*(numbered(number, severity="critical") for number in range(22)))
    folded = (await house.groups())[-1]
    await house.sent()
    worse = numbered(21, severity="P0")
    await house.tell(worse)
    group = (await house.groups())[-1]
    assert (group.id, group.storm, group.severity) == (folded.id, "", Severity.P0)
    (card,) = [each for each in await house.said() if each.key == f"{group.id}/card"]
    assert (card.state, card.quiet) == ("pending", False)
    assert (await house.storm_cards())[-1].groups == 1


async def test_the_storms_card_shows_the_last_numbers_also_after_its_end(house: AlertsHouse) -> None:
    await house.tell(*(numbered(number) for number in range(30)))
    house.clock.go_on(6 * MINUTE)
    assert await house.ring() == ["storm-over"]
    (storm,) = await house.storm_cards()
    assert storm.storm.ended_at == house.clock.now()
    assert (storm.groups, storm.firing) == (10, 10)
    await house.tell(*(numbered(number, firing=False) for number in range(30)))
    (storm,) = await house.storm_cards()
    assert (storm.groups, storm.firing, storm.worst) == (10, 0, ())
    assert storm.storm.ended_at is not None, "a later change does not begin it again"
    assert len(await house.notes()) == 20, "folded groups have no threads"


async def test_a_storm_goes_on_while_groups_come_and_another_one_is_another_card(house: AlertsHouse) -> None:
    await house.tell(*(numbered(number) for number in range(25)))
    house.clock.go_on(4 * MINUTE)
    await house.tell(numbered(25))
    house.clock.go_on(4 * MINUTE)
    assert await house.ring() == []
    house.clock.go_on(2 * MINUTE)
    assert await house.ring() == ["storm-over"]
    await house.tell(*(numbered(number) for number in range(100, 125)))
    first, second = await house.storm_cards()
    assert (first.groups, second.groups) == (6, 5)
    assert first.storm.id != second.storm.id


async def test_two_storms_in_one_batch_have_a_card_each(house: AlertsHouse) -> None:
    """What was kept while nobody applied it: the quiet between them is long past, and no clock has rung."""
    house.catalogue = alerting(new_groups_a_minute=1)
    await house.keep(*(numbered(number) for number in range(3)))
    house.clock.go_on(10 * MINUTE)
    await house.keep(*(numbered(number) for number in range(10, 13)))
    await house.apply()
    cards = await house.storm_cards()
    assert sorted((each.groups, each.firing) for each in cards) == [(2, 2), (2, 2)]
    assert len(await house.cards()) == 2


async def test_what_fires_again_after_its_storm_has_ended_is_shown_by_itself(house: AlertsHouse) -> None:
    await house.tell(*(numbered(number) for number in range(22)))
    await house.tell(*(numbered(number, firing=False) for number in range(22)))
    house.clock.go_on(30 * MINUTE)
    await house.ring()
    await house.sent()
    await house.tell(numbered(21, began=house.clock.now()))
    (card,) = [
        each for each in await house.said() if each.state == "pending" and each.key.startswith("al-") and "card" in each.key
    ]
    assert card.fact.storm == ""
    assert card.fact.state is GroupState.FIRING
    assert not card.quiet
    assert (await house.storm_cards())[-1].groups == 1, "it is no longer counted there"


async def test_when_all_of_them_fire_again_it_is_a_storm_again(house: AlertsHouse) -> None:
    house.catalogue = alerting(new_groups_a_minute=2)
    await house.tell(*(numbered(number) for number in range(22)))
    await house.tell(*(numbered(number, firing=False) for number in range(22)))
    house.clock.go_on(30 * MINUTE)
    await house.ring()
    for number in range(22):
        await house.tell(numbered(number, began=house.clock.now()))
    storms: dict[str, int] = {}
    for each in await house.groups():
        storms[each.storm] = storms.get(each.storm, 0) + 1
    assert sorted(storms.values()) == [4, 18]
    assert storms[""] == 4
