"""What Alertmanager told becomes cards and threads: in order, once, and whatever happens in between."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.alerts.alerts import Earlier, GroupState
from domain.errors import TemporaryError
from domain.severities import Severity
from storage.inbox import MOST_AT_ONCE
from storage.store import Store
from storage.tables import alert_groups, alert_keys, alerts, inbox, messages
from tests.harness.alerts import CRITICAL, INFO, SECOND, WARNING, AlertsHouse, numbered, open_alerts_house
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.samples.notifications import alert, body, notification

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def house(store: Store) -> AsyncIterator[AlertsHouse]:
    async with open_alerts_house(store) as opened:
        yield opened


async def test_one_card_for_a_group_and_its_thread_in_order(house: AlertsHouse) -> None:
    await house.tell(notification(alert("a")))
    await house.tell(notification(alert("a"), alert("b")), notification(alert("a"), alert("b")))
    await house.tell(notification(alert("a", firing=False), alert("b", firing=False)))
    group = await house.group()
    assert (group.state, group.firing, group.total) == (GroupState.RESOLVED, 0, 2)
    keys = [each.key for each in await house.said()]
    assert keys == [f"{group.id}/t/1", f"{group.id}/card", f"{group.id}/t/2"], "the card is a picture: the last one counts"
    assert await house.cards() == [group]
    assert await house.notes() == ["1 alert more. 2 alerts fire now.", "Resolved after 3 s."]
    assert await house.alerts(group.id) == {"fp-a": False, "fp-b": False}
    assert await house.answers() == ["applied"] * 4
    assert house.nudged


async def test_a_new_card_and_a_turn_are_seen_at_once_and_counting_waits(house: AlertsHouse) -> None:
    async def quiet() -> list[bool]:
        found = [each.quiet for each in await house.said() if each.key.endswith("/card")]
        await house.sent()
        return found[-1:]

    await house.tell(notification(alert("a")))
    assert await quiet() == [False]
    await house.tell(notification(alert("a"), alert("b")))
    assert await quiet() == [True]
    await house.tell(notification(alert("a", labels={"severity": "critical"}), alert("b")))
    assert await quiet() == [False], "it got worse"
    await house.tell(notification(alert("a", firing=False), alert("b", firing=False)))
    assert await quiet() == [False], "it is resolved"
    await house.tell(
        notification(alert("a", began=house.clock.now())), notification(alert("a", began=house.clock.now()), alert("c"))
    )
    assert await quiet() == [False], "it fires again, though the last word only counts"


async def test_a_pair_that_tells_the_same_story_makes_one_group(house: AlertsHouse) -> None:
    for told in (notification(alert("a")), notification(alert("a", firing=False))):
        await house.keep_text(body(told, peer="one"))
        await house.keep_text(body(told, peer="two"))
        await house.apply()
    assert await house.notes() == ["Resolved after 2 s."]


async def test_where_alerts_go_and_what_they_are_about_is_the_catalogues(house: AlertsHouse) -> None:
    labels = {"severity": "critical", "environment": "prod", "service": "main"}
    await house.tell(notification(alert("a", labels=labels)), notification(alert("b"), key="other"))
    first, second = await house.groups()
    assert (first.channel, first.severity, first.environment, first.service) == (
        CRITICAL,
        Severity.P1,
        "production",
        "deep-echo-main",
    )
    assert (second.channel, second.severity, second.environment) == (INFO, Severity.P3, "")


async def test_after_its_time_a_group_that_fires_again_is_a_new_card(house: AlertsHouse) -> None:
    await house.tell(notification(alert("a")), notification(alert("a", firing=False)))
    house.clock.go_on(50 * MINUTE)
    await house.tell(notification(alert("a", began=house.clock.now())))
    await house.tell(notification(alert("a", began=house.clock.now() - SECOND, firing=False)))
    assert [(each.episode, each.state) for each in await house.groups()] == [(2, GroupState.RESOLVED)]
    house.clock.go_on(61 * MINUTE)
    await house.tell(notification(alert("a", began=house.clock.now() - 61 * MINUTE, firing=False)))
    assert len(await house.groups()) == 1, "what is over and ended is nothing new"
    began = house.clock.now()
    await house.tell(notification(alert("a", began=began)), notification(alert("a", began=began), alert("b")))
    old, new = await house.groups()
    assert (old.state, new.state) == (GroupState.RESOLVED, GroupState.FIRING)
    assert new.firing == 2
    assert new.id != old.id
    assert (old.earlier, new.earlier) == (None, Earlier(id=old.id, began_at=old.began_at, resolved_at=old.resolved_at or began))


async def test_a_group_that_begins_anew_keeps_no_alerts_of_the_last_time(house: AlertsHouse) -> None:
    await house.tell(notification(alert("a"), alert("b")), notification(alert("a", firing=False), alert("b", firing=False)))
    await house.tell(notification(alert("c", began=house.clock.now())))
    group = await house.group()
    assert await house.alerts(group.id) == {"fp-c": True}
    assert (group.firing, group.total) == (1, 1)


async def test_a_whole_life_in_one_batch_leaves_what_one_by_one_leaves(house: AlertsHouse) -> None:
    began = house.clock.now() + 2 * MINUTE
    await house.keep(
        notification(alert("a"), alert("b")),
        notification(alert("a", firing=False), alert("b", firing=False)),
        notification(alert("b", began=began)),
        notification(alert("b", began=began, firing=False)),
        notification(alert("b", began=began + 2 * MINUTE), alert("a", began=began + 2 * MINUTE)),
    )
    assert await house.apply() == 5
    group = await house.group()
    assert (group.state, group.firing, group.total, group.episode) == (GroupState.FIRING, 2, 2, 3)
    assert await house.alerts(group.id) == {"fp-a": True, "fp-b": True}
    assert len(await house.notes()) == 4


async def test_a_key_that_changed_with_the_routing_finds_the_old_thread(house: AlertsHouse) -> None:
    await house.tell(notification(alert("a"), alert("b")))
    labels = {"team": "sre"}
    await house.tell(notification(alert("a"), alert("b"), key="new", labels=labels))
    group = await house.group()
    assert (group.group_key, group.labels) == ("new", labels), "a silence names what the group is now"
    await house.tell(notification(alert("a", firing=False), alert("b"), alert("c"), key="new", labels=labels))
    await house.tell(notification(alert("b", firing=False), alert("c", firing=False), key="new", labels=labels))
    group = await house.group()
    assert (group.state, group.total) == (GroupState.RESOLVED, 3)
    assert len(await house.cards()) == 1


async def test_a_key_with_few_known_alerts_is_a_group_of_its_own(house: AlertsHouse) -> None:
    await house.tell(notification(alert("a")), notification(alert("a"), alert("b"), key="another"))
    assert len(await house.groups()) == 2


async def test_groups_that_a_new_routing_joins_are_resolved_all_together(house: AlertsHouse) -> None:
    pods = [alert(name) for name in "abc"]
    await house.tell(*(notification(each, key=each.fingerprint) for each in pods))
    assert len(await house.groups()) == 3
    await house.tell(notification(*pods, key="joined", labels={}))
    assert len(await house.groups()) == 3, "what is shown needs no card more"
    ended = [replace(each, firing=False, ends_at=house.clock.now()) for each in pods]
    await house.tell(notification(*ended, key="joined", labels={}))
    assert {each.state for each in await house.groups()} == {GroupState.RESOLVED}
    await house.tell(notification(*ended, key="joined", labels={}))
    assert sum(each.startswith("Resolved after") for each in await house.notes()) == 3


async def test_within_one_batch_too_a_changed_key_finds_what_the_batch_opened(house: AlertsHouse) -> None:
    await house.keep(notification(alert("a"), alert("b")), notification(alert("a"), alert("b"), key="new"))
    await house.apply()
    assert len(await house.groups()) == 1


async def test_a_thousand_groups_in_one_go(house: AlertsHouse) -> None:
    for number in range(1000):
        await house.keep(numbered(number))
        house.clock.go_on(-0.99 * SECOND)
    assert await house.apply() == 1000
    groups = await house.groups()
    assert len({each.id for each in groups}) == 1000
    (storm,) = await house.storm_cards()
    assert (storm.groups, storm.firing) == (980, 980)
    assert len(await house.cards()) == 20
    assert house.intake.set_aside == 0


async def test_what_cannot_be_applied_is_set_aside_and_those_behind_it_are_applied(house: AlertsHouse) -> None:
    await house.keep(numbered(1))
    await house.keep_text('{"version": "5"}')
    await house.keep(numbered(2), text="not JSON at all")
    await house.keep(numbered(3))
    assert await house.apply() == 5
    assert await house.answers() == ["applied", "set aside", "applied", "set aside", "applied"]
    assert len(await house.groups()) == 3
    assert (house.intake.applied, house.intake.set_aside, house.intake.backlog) == (3, 2, 0)


async def test_where_the_database_fails_in_the_middle_everything_is_as_it_was(house: AlertsHouse) -> None:
    await house.tell(numbered(1))
    before = (await house.groups(), await house.said())
    await house.keep(numbered(1, firing=False), numbered(2))
    await _rename(house.store, "alert_keys", "away")
    with pytest.raises(TemporaryError):
        await house.intake.apply_some()
    assert (await house.groups(), await house.said()) == before
    assert await house.answers() == ["applied", "", ""]
    await _rename(house.store, "away", "alert_keys")
    assert await house.apply() == 2
    assert [each.state for each in await house.groups()] == [GroupState.RESOLVED, GroupState.FIRING]


async def _rename(store: Store, old: str, new: str) -> None:
    async with store.engines.write.begin() as connection:
        await connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


async def test_what_is_told_again_after_it_was_applied_changes_nothing(house: AlertsHouse) -> None:
    told = [numbered(1), notification(alert("a"), alert("b")), notification(alert("a", firing=False), alert("b"))]
    await house.tell(*told)
    before = [(each.key, each.fact) for each in await house.said()]
    house.clock.go_on(5 * MINUTE)
    await house.tell(told[0], told[2])
    assert [(each.key, each.fact) for each in await house.said()] == before


async def test_no_more_than_fits_in_memory_is_taken_at_once(house: AlertsHouse) -> None:
    large = alert("large", summary="x" * (MOST_AT_ONCE // 2))
    for number in range(4):
        await house.keep(notification(large, key=f"{number}"), numbered(number))
    assert [await house.intake.apply_some() for _ in range(5)] == [2, 2, 2, 2, 0]


async def test_one_that_is_larger_than_that_is_taken_alone(house: AlertsHouse) -> None:
    await house.keep(notification(alert("large", summary="x" * (MOST_AT_ONCE + 1))), numbered(1))
    assert [await house.intake.apply_some() for _ in range(3)] == [1, 1, 0]


async def test_a_group_of_ten_thousand_alerts_is_a_small_card(house: AlertsHouse) -> None:
    await house.tell(notification(*(alert(f"pod-{number}", summary="y" * 100) for number in range(10_000))))
    group = await house.group()
    assert (group.firing, len(group.examples)) == (10_000, 5)
    async with house.store.engines.read.connect() as connection:
        size = (await connection.execute(text("SELECT max(length(record)) FROM alert_groups"))).scalar_one()
    assert size < 10_000
    await house.tell(notification(*(alert(f"pod-{number}", firing=False) for number in range(10_000))))
    assert (await house.group()).state is GroupState.RESOLVED


async def test_ids_of_groups_that_were_dropped_are_not_given_again(house: AlertsHouse) -> None:
    """Their cards are in Slack for ever: another group must not edit them."""
    await house.tell(numbered(1))
    first = await house.group()
    async with house.store.engines.write.begin() as connection:
        for table in (alert_groups, alert_keys, alerts, inbox):
            await connection.execute(table.delete())
        card = {"key": f"{first.id}/card", "channel": WARNING, "ts": "1.2", "edited_at": house.clock.now()}
        await connection.execute(messages.insert().values(card))
    house.numbers = iter([0])
    await house.keep(numbered(1))
    await house.apply()
    assert (await house.group()).id != first.id
    assert (await house.group()).id.startswith(first.id), "the same name, a letter longer"
