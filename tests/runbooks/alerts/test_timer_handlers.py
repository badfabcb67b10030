"""What is due of alerts: watchdogs that stay away, acknowledgements and silences that run out, groups that are steady again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import event

from domain.alerts.alerts import AppliedSilence, GroupState
from domain.alerts.handling import silence
from domain.errors import Refused
from domain.severities import Severity
from runbooks.alerts.intake import WATCHDOG_RULE
from runbooks.alerts.timers import unsilence_timer
from storage.engines import open_engines
from storage.group_saves import GroupSave
from storage.store import Store
from tests.harness.alerts import INFO, SECOND, AlertsHarness, alerts_catalogue, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.samples.notifications import alert, notification, webhook_body
from tests.harness.samples.team import ANA, RAY, team_catalogue

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

MINUTE = timedelta(minutes=1)
DOG = alert("dog", labels={"alertname": "Watchdog"})
WATCHED = alerts_catalogue(watchdogs=[{"name": "prometheus", "match": ["alertname=Watchdog"], "within_minutes": 10}])


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store, WATCHED) as opened:
        yield opened


async def test_a_watchdog_that_arrives_is_no_news(harness: AlertsHarness) -> None:
    await harness.intake.start_watchdogs()
    for _ in range(10):
        harness.clock.advance(5 * MINUTE)
        await harness.receive(notification(DOG))
        assert await harness.fire_due_timers() == []
    assert (await harness.groups(), await harness.outbox_entries()) == ([], [])


async def test_one_that_stays_away_is_told_once_and_its_return_too(harness: AlertsHarness) -> None:
    await harness.intake.start_watchdogs()
    harness.clock.advance(10 * MINUTE)
    assert await harness.fire_due_timers() == ["watchdog"]
    group = await harness.group()
    assert (group.title, group.state, group.channel) == ("WatchdogMissing", GroupState.FIRING, INFO)
    assert (group.severity, group.route.rule) == (Severity.P1, WATCHDOG_RULE)
    harness.clock.advance(60 * MINUTE)
    assert await harness.fire_due_timers() == []
    await harness.receive(notification(DOG, alert("real")))
    dog, real = await harness.groups()
    assert (dog.state, real.state, real.total) == (GroupState.RESOLVED, GroupState.FIRING, 1)
    assert await harness.notes() == ["Resolved after 1 h."]
    harness.clock.advance(11 * MINUTE)
    assert await harness.fire_due_timers() == ["watchdog"]
    assert (await harness.notes())[1:] == ["Fires again, 11 min after it was resolved: 1 alert."]


async def test_a_watchdog_that_was_resolved_has_not_arrived(harness: AlertsHarness) -> None:
    await harness.intake.start_watchdogs()
    harness.clock.advance(9 * MINUTE)
    await harness.receive(notification(alert("dog", firing=False, labels={"alertname": "Watchdog"})))
    harness.clock.advance(MINUTE)
    assert await harness.fire_due_timers() == ["watchdog"]
    assert (await harness.group()).state is GroupState.FIRING


async def test_one_that_is_kept_and_not_applied_yet_is_not_missed(harness: AlertsHarness) -> None:
    await harness.intake.start_watchdogs()
    harness.clock.advance(10 * MINUTE)
    await harness.store_text(webhook_body(notification(DOG)))
    (due,) = await harness.due_timers()
    await harness.timer_handlers.handlers[due.kind](due, harness.clock.now())
    assert await harness.groups() == []
    harness.clock.advance(6 * SECOND)
    await harness.apply()
    assert await harness.fire_due_timers() == []
    assert await harness.groups() == []


async def test_one_that_arrives_while_its_clock_rings_is_not_missed(harness: AlertsHarness) -> None:
    await harness.intake.start_watchdogs()
    harness.clock.advance(10 * MINUTE)
    (due,) = await harness.due_timers()
    await harness.receive(notification(DOG))
    await harness.timer_handlers.handlers[due.kind](due, harness.clock.now())
    assert await harness.groups() == []
    harness.clock.advance(10 * MINUTE)
    assert await harness.fire_due_timers() == ["watchdog"], "its time runs on"


async def test_a_replica_that_starts_again_and_again_does_not_put_a_watchdog_off(harness: AlertsHarness) -> None:
    await harness.intake.start_watchdogs()
    for _ in range(3):
        harness.clock.advance(3 * MINUTE)
        await harness.intake.start_watchdogs()
    harness.clock.advance(MINUTE)
    assert await harness.fire_due_timers() == ["watchdog"]


async def test_what_no_process_could_hear_is_nobodys_silence(harness: AlertsHarness) -> None:
    await harness.intake.start_watchdogs()
    harness.clock.advance(600 * MINUTE)
    await harness.intake.start_watchdogs()
    assert await harness.fire_due_timers() == []
    harness.clock.advance(10 * MINUTE)
    assert await harness.fire_due_timers() == ["watchdog"]


async def test_a_watchdog_of_the_reloaded_catalogue_is_watched_and_one_that_is_gone_is_not(harness: AlertsHarness) -> None:
    harness.catalogue = alerts_catalogue()
    keeping = asyncio.create_task(harness.intake.run())
    try:
        harness.catalogue = WATCHED
        async with asyncio.timeout(10):
            while not (set_for := await harness.timers()):
                await asyncio.sleep(0.01)
        assert set_for == {"watchdog/prometheus": harness.clock.now() + 10 * MINUTE}
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
    harness.catalogue = alerts_catalogue()
    harness.clock.advance(11 * MINUTE)
    assert await harness.fire_due_timers() == ["watchdog"]
    assert await harness.groups() == []


async def test_a_catalogue_that_no_longer_speaks_of_alerts_leaves_them_kept_and_costs_nothing(harness: AlertsHarness) -> None:
    await harness.store_notifications(notification(alert("a")))
    with_alerts, harness.catalogue = harness.catalogue, team_catalogue()
    transactions: list[object] = []
    event.listen(harness.store.engines.read.sync_engine, "begin", transactions.append)
    keeping = asyncio.create_task(harness.intake.run())
    try:
        await asyncio.sleep(0.5)
        assert len(transactions) < 5, "it looks about once a second"
        assert await harness.answers() == [""]
        harness.catalogue = with_alerts
        async with asyncio.timeout(10):
            while await harness.answers() != ["applied"]:
                await asyncio.sleep(0.01)
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def test_a_reload_in_the_middle_of_a_batch_takes_nothing_away_from_it(harness: AlertsHarness) -> None:
    await harness.store_notifications(*(notification(alert(f"{number}"), key=f"{number}") for number in range(20)))
    applying = asyncio.create_task(harness.intake.apply_batch())
    for _ in range(10):
        await asyncio.sleep(0)
    harness.catalogue = team_catalogue()
    assert await applying == 20


async def test_an_acknowledgement_runs_out(harness: AlertsHarness) -> None:
    await harness.receive(notification(alert("a")))
    group = await harness.acknowledge((await harness.group()).id, ANA)
    assert group.acknowledgement is not None
    harness.clock.advance(30 * MINUTE)
    await harness.acknowledge(group.id, RAY)
    harness.clock.advance(30 * MINUTE)
    assert await harness.fire_due_timers() == [], "the later one has its own time"
    harness.clock.advance(30 * MINUTE)
    assert await harness.fire_due_timers() == ["alert-unacknowledge"]
    assert (await harness.group()).acknowledgement is None
    assert await harness.notes() == [
        "@U0DEPLOYER acknowledged this. It counts for 1 h.",
        "@U0RESPONDER acknowledged this, taking over from @U0DEPLOYER. It counts for 1 h.",
        "@U0RESPONDER's acknowledgement ran out after 1 h, and this still fires.",
    ]


async def test_a_silence_ends(harness: AlertsHarness) -> None:
    await harness.receive(notification(alert("a")))
    group, at = await harness.group(), harness.clock.now()
    async with harness.store.write() as tx:
        mark = AppliedSilence(id="8655", by=ANA.person, at=at, until=at + 60 * MINUTE)
        await tx.timers.set(unsilence_timer(group.id, mark.until))
        await tx.save_groups([GroupSave(change=silence(group, mark))], at)
    harness.clock.advance(60 * MINUTE)
    assert await harness.fire_due_timers() == ["alert-unsilence"]
    assert (await harness.group()).silence is None
    assert (await harness.notes())[-1] == "The silence of @U0DEPLOYER is over. No end was reported, so it counts as firing."


async def test_a_flapping_group_is_looked_at_until_it_is_steady(harness: AlertsHarness) -> None:
    harness.catalogue = alerts_catalogue(flap_changes=2, flap_minutes=30)
    await harness.receive(notification(alert("a")), notification(alert("a", firing=False)))
    await harness.receive(notification(alert("a", began=harness.clock.now() + 2 * MINUTE)))
    assert (await harness.group()).flapping
    harness.clock.advance(9 * MINUTE)
    assert await harness.fire_due_timers() == []
    harness.clock.advance(MINUTE)
    assert await harness.fire_due_timers() == ["alert-flapping-check"]
    assert not (await harness.group()).flapping
    assert (await harness.notes())[-1].startswith("Steady again: firing since 14:02 UTC.")
    assert (await harness.outbox_entries())[-2].key.endswith("/card")
    assert not (await harness.outbox_entries())[-2].low_priority


async def test_a_clock_that_rings_twice_does_it_once(harness: AlertsHarness) -> None:
    await harness.receive(notification(alert("a")))
    await harness.acknowledge((await harness.group()).id, ANA)
    harness.clock.advance(60 * MINUTE)
    (due,) = await harness.due_timers()
    for _ in range(2):
        await harness.timer_handlers.handlers[due.kind](due, harness.clock.now())
    assert len(await harness.notes()) == 2


@pytest.mark.postgres
async def test_notifications_clicks_and_clocks_at_the_same_moment_never_wait_for_each_other(postgres_url: str) -> None:
    """All of them touch the same groups, timers and storm; a deadlock would end one of them with ``TemporaryError``."""
    stores = [Store(open_engines(postgres_url)) for _ in range(3)]
    catalogue = alerts_catalogue(flap_changes=2, storm_threshold_per_minute=2)
    async with (
        open_alerts_harness(stores[0], catalogue) as harness,
        open_alerts_harness(stores[1], catalogue) as person,
        open_alerts_harness(stores[2], catalogue) as ringer,
    ):
        person.numbers = iter(range(500_000, 600_000))
        person.clock = ringer.clock = harness.clock
        person.service = type(person.service)(
            store=stores[1],
            clock=harness.clock,
            catalogue=lambda: catalogue,
            alertmanager=harness.service.alertmanager,
            notify_outbox=lambda: None,
        )
        keys = [f"{number}" for number in range(8)]
        await harness.receive(*(notification(alert(key), key=key) for key in keys))
        ids = [each.id for each in await harness.groups()]
        for turn in range(15):
            firing, began = turn % 2 == 1, harness.clock.now()
            words = (alert(key, began=began - (0 if firing else 1) * SECOND, firing=firing) for key in keys)
            await harness.store_notifications(*(notification(each, key=key) for key, each in zip(keys, words, strict=True)))
            harness.clock.advance(11 * MINUTE)
            await asyncio.gather(harness.apply(), ringer.fire_due_timers(), _clicks(person, ids, turn))
        groups = await harness.groups()
        assert {each.state for each in groups} == {GroupState.RESOLVED}
        assert await harness.answers()
        (storm, *_) = reversed(await harness.storm_cards())
        assert storm.firing == 0
    for each in stores:
        await each.close()


async def _clicks(person: AlertsHarness, ids: list[str], turn: int) -> None:
    for group_id in ids:
        try:
            await person.acknowledge(group_id, (ANA, RAY)[turn % 2])
        except Refused:
            continue
