"""What is due of alerts: watchdogs that stay away, acknowledgements and silences that run out, groups that are steady again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import event

from domain.alerts.alerts import GroupState, SilenceMark
from domain.alerts.handling import silence
from domain.errors import Refused
from domain.severities import Severity
from runbooks.alerts.intake import WATCHDOG_RULE
from runbooks.alerts.timers import unsilence_timer
from storage.engines import open_engines
from storage.store import Store
from tests.harness.alerts import INFO, SECOND, AlertsHouse, alerting, open_alerts_house
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.samples.notifications import alert, body, notification
from tests.harness.samples.team import ANA, RAY, team_catalogue

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

MINUTE = timedelta(minutes=1)
DOG = alert("dog", labels={"alertname": "Watchdog"})
WATCHED = alerting(watchdogs=[{"name": "prometheus", "match": ["alertname=Watchdog"], "within_minutes": 10}])


@pytest.fixture
async def house(store: Store) -> AsyncIterator[AlertsHouse]:
    async with open_alerts_house(store, WATCHED) as opened:
        yield opened


async def test_a_watchdog_that_arrives_is_no_news(house: AlertsHouse) -> None:
    await house.intake.begin_watching()
    for _ in range(10):
        house.clock.go_on(5 * MINUTE)
        await house.tell(notification(DOG))
        assert await house.ring() == []
    assert (await house.groups(), await house.said()) == ([], [])


async def test_one_that_stays_away_is_told_once_and_its_return_too(house: AlertsHouse) -> None:
    await house.intake.begin_watching()
    house.clock.go_on(10 * MINUTE)
    assert await house.ring() == ["watchdog"]
    group = await house.group()
    assert (group.title, group.state, group.channel) == ("WatchdogMissing", GroupState.FIRING, INFO)
    assert (group.severity, group.route.rule) == (Severity.P1, WATCHDOG_RULE)
    house.clock.go_on(60 * MINUTE)
    assert await house.ring() == []
    await house.tell(notification(DOG, alert("real")))
    dog, real = await house.groups()
    assert (dog.state, real.state, real.total) == (GroupState.RESOLVED, GroupState.FIRING, 1)
    assert await house.notes() == ["Resolved after 1 h."]
    house.clock.go_on(11 * MINUTE)
    assert await house.ring() == ["watchdog"]
    assert (await house.notes())[1:] == ["Fires again, 11 min after it was resolved: 1 alert."]


async def test_a_watchdog_that_was_resolved_has_not_arrived(house: AlertsHouse) -> None:
    await house.intake.begin_watching()
    house.clock.go_on(9 * MINUTE)
    await house.tell(notification(alert("dog", firing=False, labels={"alertname": "Watchdog"})))
    house.clock.go_on(MINUTE)
    assert await house.ring() == ["watchdog"]
    assert (await house.group()).state is GroupState.FIRING


async def test_one_that_is_kept_and_not_applied_yet_is_not_missed(house: AlertsHouse) -> None:
    await house.intake.begin_watching()
    house.clock.go_on(10 * MINUTE)
    await house.keep_text(body(notification(DOG)))
    (due,) = await house.due()
    await house.clocks.handlers[due.kind](due, house.clock.now())
    assert await house.groups() == []
    house.clock.go_on(6 * SECOND)
    await house.apply()
    assert await house.ring() == []
    assert await house.groups() == []


async def test_one_that_arrives_while_its_clock_rings_is_not_missed(house: AlertsHouse) -> None:
    await house.intake.begin_watching()
    house.clock.go_on(10 * MINUTE)
    (due,) = await house.due()
    await house.tell(notification(DOG))
    await house.clocks.handlers[due.kind](due, house.clock.now())
    assert await house.groups() == []
    house.clock.go_on(10 * MINUTE)
    assert await house.ring() == ["watchdog"], "its time runs on"


async def test_a_replica_that_starts_again_and_again_does_not_put_a_watchdog_off(house: AlertsHouse) -> None:
    await house.intake.begin_watching()
    for _ in range(3):
        house.clock.go_on(3 * MINUTE)
        await house.intake.begin_watching()
    house.clock.go_on(MINUTE)
    assert await house.ring() == ["watchdog"]


async def test_what_no_process_could_hear_is_nobodys_silence(house: AlertsHouse) -> None:
    await house.intake.begin_watching()
    house.clock.go_on(600 * MINUTE)
    await house.intake.begin_watching()
    assert await house.ring() == []
    house.clock.go_on(10 * MINUTE)
    assert await house.ring() == ["watchdog"]


async def test_a_watchdog_of_the_reloaded_catalogue_is_watched_and_one_that_is_gone_is_not(house: AlertsHouse) -> None:
    house.catalogue = alerting()
    keeping = asyncio.create_task(house.intake.keep())
    try:
        house.catalogue = WATCHED
        async with asyncio.timeout(10):
            while not (set_for := await house.timers()):
                await asyncio.sleep(0.01)
        assert set_for == {"watchdog/prometheus": house.clock.now() + 10 * MINUTE}
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
    house.catalogue = alerting()
    house.clock.go_on(11 * MINUTE)
    assert await house.ring() == ["watchdog"]
    assert await house.groups() == []


async def test_a_catalogue_that_no_longer_speaks_of_alerts_leaves_them_kept_and_costs_nothing(house: AlertsHouse) -> None:
    await house.keep(notification(alert("a")))
    with_alerts, house.catalogue = house.catalogue, team_catalogue()
    transactions: list[object] = []
    event.listen(house.store.engines.read.sync_engine, "begin", transactions.append)
    keeping = asyncio.create_task(house.intake.keep())
    try:
        await asyncio.sleep(0.5)
        assert len(transactions) < 5, "it looks about once a second"
        assert await house.answers() == [""]
        house.catalogue = with_alerts
        async with asyncio.timeout(10):
            while await house.answers() != ["applied"]:
                await asyncio.sleep(0.01)
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def test_a_reload_in_the_middle_of_a_batch_takes_nothing_away_from_it(house: AlertsHouse) -> None:
    await house.keep(*(notification(alert(f"{number}"), key=f"{number}") for number in range(20)))
    applying = asyncio.create_task(house.intake.apply_some())
    for _ in range(10):
        await asyncio.sleep(0)
    house.catalogue = team_catalogue()
    assert await applying == 20


async def test_an_acknowledgement_runs_out(house: AlertsHouse) -> None:
    await house.tell(notification(alert("a")))
    group = await house.acknowledge((await house.group()).id, ANA)
    assert group.acknowledgement is not None
    house.clock.go_on(30 * MINUTE)
    await house.acknowledge(group.id, RAY)
    house.clock.go_on(30 * MINUTE)
    assert await house.ring() == [], "the later one has its own time"
    house.clock.go_on(30 * MINUTE)
    assert await house.ring() == ["alert-unacknowledge"]
    assert (await house.group()).acknowledgement is None
    assert await house.notes() == [
        "<@U0DEPLOYER> acknowledged this. It counts for 1 h.",
        "<@U0RESPONDER> acknowledged this, taking over from <@U0DEPLOYER>. It counts for 1 h.",
        "<@U0RESPONDER>'s acknowledgement ran out after 1 h, and this still fires.",
    ]


async def test_a_silence_ends(house: AlertsHouse) -> None:
    await house.tell(notification(alert("a")))
    group, at = await house.group(), house.clock.now()
    async with house.store.write() as tx:
        mark = SilenceMark(id="8655", by=ANA.person, at=at, until=at + 60 * MINUTE)
        await tx.timers.set(unsilence_timer(group.id, mark.until))
        await tx.apply_group(silence(group, mark), at)
    house.clock.go_on(60 * MINUTE)
    assert await house.ring() == ["alert-unsilence"]
    assert (await house.group()).silence is None
    assert (await house.notes())[-1] == "The silence of <@U0DEPLOYER> is over. It still fires."


async def test_a_flapping_group_is_looked_at_until_it_is_steady(house: AlertsHouse) -> None:
    house.catalogue = alerting(flaps=2, flap_minutes=30)
    await house.tell(notification(alert("a")), notification(alert("a", firing=False)))
    await house.tell(notification(alert("a", began=house.clock.now() + 2 * MINUTE)))
    assert (await house.group()).flapping
    house.clock.go_on(9 * MINUTE)
    assert await house.ring() == []
    house.clock.go_on(MINUTE)
    assert await house.ring() == ["alert-steady"]
    assert not (await house.group()).flapping
    assert (await house.notes())[-1].startswith("Steady again: firing since 14:02 UTC.")
    assert (await house.said())[-2].key.endswith("/card")
    assert not (await house.said())[-2].quiet


async def test_a_clock_that_rings_twice_does_it_once(house: AlertsHouse) -> None:
    await house.tell(notification(alert("a")))
    await house.acknowledge((await house.group()).id, ANA)
    house.clock.go_on(60 * MINUTE)
    (due,) = await house.due()
    for _ in range(2):
        await house.clocks.handlers[due.kind](due, house.clock.now())
    assert len(await house.notes()) == 2


@pytest.mark.postgres
async def test_notifications_clicks_and_clocks_at_the_same_moment_never_wait_for_each_other(postgres_url: str) -> None:
    """All of them touch the same groups, timers and storm; a deadlock would end one of them with ``TemporaryError``."""
    stores = [Store(open_engines(postgres_url)) for _ in range(3)]
    catalogue = alerting(flaps=2, new_groups_a_minute=2)
    async with (
        open_alerts_house(stores[0], catalogue) as house,
        open_alerts_house(stores[1], catalogue) as person,
        open_alerts_house(stores[2], catalogue) as ringer,
    ):
        person.numbers = iter(range(500_000, 600_000))
        person.clock = ringer.clock = house.clock
        person.people = type(person.people)(
            store=stores[1],
            clock=house.clock,
            catalogue=lambda: catalogue,
            alertmanager=house.people.alertmanager,
            nudge=lambda: None,
        )
        keys = [f"{number}" for number in range(8)]
        await house.tell(*(notification(alert(key), key=key) for key in keys))
        ids = [each.id for each in await house.groups()]
        for turn in range(15):
            firing, began = turn % 2 == 1, house.clock.now()
            words = (alert(key, began=began - (0 if firing else 1) * SECOND, firing=firing) for key in keys)
            await house.keep(*(notification(each, key=key) for key, each in zip(keys, words, strict=True)))
            house.clock.go_on(11 * MINUTE)
            await asyncio.gather(house.apply(), ringer.ring(), _clicks(person, ids, turn))
        groups = await house.groups()
        assert {each.state for each in groups} == {GroupState.RESOLVED}
        assert await house.answers()
        (storm, *_) = reversed(await house.storm_cards())
        assert storm.firing == 0
    for each in stores:
        await each.close()


async def _clicks(person: AlertsHouse, ids: list[str], turn: int) -> None:
    for group_id in ids:
        try:
            await person.acknowledge(group_id, (ANA, RAY)[turn % 2])
        except Refused:
            continue
