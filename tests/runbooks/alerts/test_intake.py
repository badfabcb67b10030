"""What Alertmanager told becomes cards and threads: in order, once, and whatever happens in between."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.alerts.alerts import GroupState, PreviousGroup
from domain.errors import TemporaryError
from domain.severities import Severity
from storage.inbox import MAX_READ_BATCH_CHARACTERS
from storage.store import Store
from storage.tables.alerts import alert_groups, alert_keys, alerts
from storage.tables.core import inbox, messages
from tests.harness.alerts import CRITICAL, INFO, SECOND, WARNING, AlertsHarness, numbered_notification, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.housekeeping import housekeeping, send_all
from tests.harness.samples.notifications import alert, notification, webhook_body

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        yield opened


async def test_one_card_for_a_group_and_its_thread_in_order(harness: AlertsHarness) -> None:
    await harness.receive(notification(alert("a")))
    await harness.receive(notification(alert("a"), alert("b")), notification(alert("a"), alert("b")))
    await harness.receive(notification(alert("a", firing=False), alert("b", firing=False)))
    group = await harness.group()
    assert (group.state, group.firing, group.total) == (GroupState.RESOLVED, 0, 2)
    keys = [each.key for each in await harness.outbox_entries()]
    assert keys == [f"{group.id}/t/1", f"{group.id}/card", f"{group.id}/t/2"], "the card is a picture: the last one counts"
    assert await harness.cards() == [group]
    assert await harness.notes() == ["1 alert more. 2 alerts fire now.", "Resolved after 3 s."]
    assert await harness.alerts(group.id) == {"fp-a": False, "fp-b": False}
    assert await harness.answers() == ["applied"] * 4
    assert harness.wakes


async def test_a_new_card_and_a_turn_are_seen_at_once_and_counting_waits(harness: AlertsHarness) -> None:
    async def quiet() -> list[bool]:
        found = [each.low_priority for each in await harness.outbox_entries() if each.key.endswith("/card")]
        await harness.mark_delivered()
        return found[-1:]

    await harness.receive(notification(alert("a")))
    assert await quiet() == [False]
    await harness.receive(notification(alert("a"), alert("b")))
    assert await quiet() == [True]
    await harness.receive(notification(alert("a", labels={"severity": "critical"}), alert("b")))
    assert await quiet() == [False], "it got worse"
    await harness.receive(notification(alert("a", firing=False), alert("b", firing=False)))
    assert await quiet() == [False], "it is resolved"
    await harness.receive(
        notification(alert("a", began=harness.clock.now())), notification(alert("a", began=harness.clock.now()), alert("c"))
    )
    assert await quiet() == [False], "it fires again, though the last word only counts"


async def test_a_pair_that_tells_the_same_story_makes_one_group(harness: AlertsHarness) -> None:
    for told in (notification(alert("a")), notification(alert("a", firing=False))):
        await harness.store_text(webhook_body(told, peer="one"))
        await harness.store_text(webhook_body(told, peer="two"))
        await harness.apply()
    assert await harness.notes() == ["Resolved after 2 s."]


async def test_where_alerts_go_and_what_they_are_about_is_the_catalogues(harness: AlertsHarness) -> None:
    labels = {"severity": "critical", "environment": "prod", "service": "main"}
    await harness.receive(notification(alert("a", labels=labels)), notification(alert("b"), key="other"))
    first, second = await harness.groups()
    assert (first.channel, first.severity, first.environment, first.service) == (
        CRITICAL,
        Severity.P1,
        "production",
        "deep-echo-main",
    )
    assert (second.channel, second.severity, second.environment) == (INFO, Severity.P3, "")


async def test_after_its_time_a_group_that_fires_again_is_a_new_card(harness: AlertsHarness) -> None:
    await harness.receive(notification(alert("a")), notification(alert("a", firing=False)))
    harness.clock.advance(50 * MINUTE)
    await harness.receive(notification(alert("a", began=harness.clock.now())))
    await harness.receive(notification(alert("a", began=harness.clock.now() - SECOND, firing=False)))
    assert [(each.episode, each.state) for each in await harness.groups()] == [(2, GroupState.RESOLVED)]
    harness.clock.advance(61 * MINUTE)
    await harness.receive(notification(alert("a", began=harness.clock.now() - 61 * MINUTE, firing=False)))
    assert len(await harness.groups()) == 1, "what is over and ended is nothing new"
    began = harness.clock.now()
    await harness.receive(notification(alert("a", began=began)), notification(alert("a", began=began), alert("b")))
    old, new = await harness.groups()
    assert (old.state, new.state) == (GroupState.RESOLVED, GroupState.FIRING)
    assert new.firing == 2
    assert new.id != old.id
    assert (old.previous, new.previous) == (
        None,
        PreviousGroup(id=old.id, began_at=old.began_at, resolved_at=old.resolved_at or began),
    )


async def test_a_group_that_begins_anew_keeps_no_alerts_of_the_last_time(harness: AlertsHarness) -> None:
    await harness.receive(notification(alert("a"), alert("b")), notification(alert("a", firing=False), alert("b", firing=False)))
    await harness.receive(notification(alert("c", began=harness.clock.now())))
    group = await harness.group()
    assert await harness.alerts(group.id) == {"fp-c": True}
    assert (group.firing, group.total) == (1, 1)


async def test_a_whole_life_in_one_batch_leaves_what_one_by_one_leaves(harness: AlertsHarness) -> None:
    began = harness.clock.now() + 2 * MINUTE
    await harness.store_notifications(
        notification(alert("a"), alert("b")),
        notification(alert("a", firing=False), alert("b", firing=False)),
        notification(alert("b", began=began)),
        notification(alert("b", began=began, firing=False)),
        notification(alert("b", began=began + 2 * MINUTE), alert("a", began=began + 2 * MINUTE)),
    )
    assert await harness.apply() == 5
    group = await harness.group()
    assert (group.state, group.firing, group.total, group.episode) == (GroupState.FIRING, 2, 2, 3)
    assert await harness.alerts(group.id) == {"fp-a": True, "fp-b": True}
    assert len(await harness.notes()) == 4


async def test_a_key_that_changed_with_the_routing_finds_the_old_thread(harness: AlertsHarness) -> None:
    await harness.receive(notification(alert("a"), alert("b")))
    labels = {"team": "sre"}
    await harness.receive(notification(alert("a"), alert("b"), key="new", labels=labels))
    group = await harness.group()
    assert (group.group_key, group.labels) == ("new", labels), "a silence names what the group is now"
    await harness.receive(notification(alert("a", firing=False), alert("b"), alert("c"), key="new", labels=labels))
    await harness.receive(notification(alert("b", firing=False), alert("c", firing=False), key="new", labels=labels))
    group = await harness.group()
    assert (group.state, group.total) == (GroupState.RESOLVED, 3)
    assert len(await harness.cards()) == 1


async def test_a_key_with_few_known_alerts_is_a_group_of_its_own(harness: AlertsHarness) -> None:
    await harness.receive(notification(alert("a")), notification(alert("a"), alert("b"), key="another"))
    assert len(await harness.groups()) == 2


async def test_groups_that_a_new_routing_joins_are_resolved_all_together(harness: AlertsHarness) -> None:
    pods = [alert(name) for name in "abc"]
    await harness.receive(*(notification(each, key=each.fingerprint) for each in pods))
    assert len(await harness.groups()) == 3
    await harness.receive(notification(*pods, key="joined", labels={}))
    assert len(await harness.groups()) == 3, "what is shown needs no card more"
    ended = [replace(each, firing=False, ends_at=harness.clock.now()) for each in pods]
    await harness.receive(notification(*ended, key="joined", labels={}))
    assert {each.state for each in await harness.groups()} == {GroupState.RESOLVED}
    await harness.receive(notification(*ended, key="joined", labels={}))
    assert sum(each.startswith("Resolved after") for each in await harness.notes()) == 3


async def test_within_one_batch_too_a_changed_key_finds_what_the_batch_opened(harness: AlertsHarness) -> None:
    await harness.store_notifications(notification(alert("a"), alert("b")), notification(alert("a"), alert("b"), key="new"))
    await harness.apply()
    assert len(await harness.groups()) == 1


async def test_a_thousand_groups_in_one_go(harness: AlertsHarness) -> None:
    for number in range(1000):
        await harness.store_notifications(numbered_notification(number))
        harness.clock.advance(-0.99 * SECOND)
    assert await harness.apply() == 1000
    groups = await harness.groups()
    assert len({each.id for each in groups}) == 1000
    (storm,) = await harness.storm_cards()
    assert (storm.groups, storm.firing) == (980, 980)
    assert len(await harness.cards()) == 20
    assert harness.intake.set_aside == 0


async def test_what_cannot_be_applied_is_set_aside_and_those_behind_it_are_applied(harness: AlertsHarness) -> None:
    await harness.store_notifications(numbered_notification(1))
    await harness.store_text('{"version": "5"}')
    await harness.store_notifications(numbered_notification(2), text="not JSON at all")
    await harness.store_notifications(numbered_notification(3))
    assert await harness.apply() == 5
    assert await harness.answers() == ["applied", "set aside", "applied", "set aside", "applied"]
    assert len(await harness.groups()) == 3
    assert (harness.intake.applied, harness.intake.set_aside, harness.intake.backlog) == (3, 2, 0)


async def test_where_the_database_fails_in_the_middle_everything_is_as_it_was(harness: AlertsHarness) -> None:
    await harness.receive(numbered_notification(1))
    before = (await harness.groups(), await harness.outbox_entries())
    await harness.store_notifications(numbered_notification(1, firing=False), numbered_notification(2))
    await _rename(harness.store, "alert_keys", "away")
    with pytest.raises(TemporaryError):
        await harness.intake.apply_batch()
    assert (await harness.groups(), await harness.outbox_entries()) == before
    assert await harness.answers() == ["applied", "", ""]
    await _rename(harness.store, "away", "alert_keys")
    assert await harness.apply() == 2
    assert [each.state for each in await harness.groups()] == [GroupState.RESOLVED, GroupState.FIRING]


async def _rename(store: Store, old: str, new: str) -> None:
    async with store.engines.write.begin() as connection:
        await connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


async def test_what_is_told_again_after_it_was_applied_changes_nothing(harness: AlertsHarness) -> None:
    told = [numbered_notification(1), notification(alert("a"), alert("b")), notification(alert("a", firing=False), alert("b"))]
    await harness.receive(*told)
    before = [(each.key, each.fact) for each in await harness.outbox_entries()]
    harness.clock.advance(5 * MINUTE)
    await harness.receive(told[0], told[2])
    assert [(each.key, each.fact) for each in await harness.outbox_entries()] == before


async def test_no_more_than_fits_in_memory_is_taken_at_once(harness: AlertsHarness) -> None:
    large = alert("large", summary="x" * (MAX_READ_BATCH_CHARACTERS // 2))
    for number in range(4):
        await harness.store_notifications(notification(large, key=f"{number}"), numbered_notification(number))
    assert [await harness.intake.apply_batch() for _ in range(5)] == [2, 2, 2, 2, 0]


async def test_one_that_is_larger_than_that_is_taken_alone(harness: AlertsHarness) -> None:
    await harness.store_notifications(
        notification(alert("large", summary="x" * (MAX_READ_BATCH_CHARACTERS + 1))), numbered_notification(1)
    )
    assert [await harness.intake.apply_batch() for _ in range(3)] == [1, 1, 0]


async def test_a_group_of_ten_thousand_alerts_is_a_small_card(harness: AlertsHarness) -> None:
    await harness.receive(notification(*(alert(f"pod-{number}", summary="y" * 100) for number in range(10_000))))
    group = await harness.group()
    assert (group.firing, len(group.examples)) == (10_000, 5)
    async with harness.store.engines.read.connect() as connection:
        size = (await connection.execute(text("SELECT max(length(record)) FROM alert_groups"))).scalar_one()
    assert size < 10_000
    await harness.receive(notification(*(alert(f"pod-{number}", firing=False) for number in range(10_000))))
    assert (await harness.group()).state is GroupState.RESOLVED


async def test_ids_of_groups_that_were_dropped_are_not_given_again(harness: AlertsHarness) -> None:
    """Their cards are in Slack for ever: another group must not edit them."""
    await harness.receive(numbered_notification(1))
    first = await harness.group()
    async with harness.store.engines.write.begin() as connection:
        for table in (alert_groups, alert_keys, alerts, inbox):
            await connection.execute(table.delete())
        card = {"key": f"{first.id}/card", "channel": WARNING, "ts": "1.2", "edited_at": harness.clock.now()}
        await connection.execute(messages.insert().values(card))
    harness.numbers = iter([0])
    await harness.store_notifications(numbered_notification(1))
    await harness.apply()
    assert (await harness.group()).id != first.id
    assert (await harness.group()).id.startswith(first.id), "the same name, a letter longer"


async def test_what_alertmanager_resends_after_a_group_was_deleted_is_no_news(harness: AlertsHarness) -> None:
    """One of a pair that was cut off says late what was long over; whatever fires is told anew, as after any closed group."""
    over = notification(alert("a", firing=False))
    await harness.receive(notification(alert("a")), over)
    gone = await harness.group()
    await send_all(harness.store, harness.clock.now())
    harness.clock.advance(timedelta(days=40))
    await housekeeping(harness.store, harness.clock).run_once()
    async with harness.store.read() as tx:
        assert await tx.alerts.get(gone.id) is None
        assert await tx.alerts.known_ids([gone.id]) == {gone.id}, "its card is still in Slack"
    await harness.receive(over, over)
    assert (await harness.outbox_entries(), await harness.answers()) == ([], ["applied"] * 2)
    await harness.receive(notification(alert("a")))
    assert [each.key for each in await harness.outbox_entries()] == [f"{(await harness.group()).id}/card"]
