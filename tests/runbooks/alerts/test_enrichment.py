"""What is found out about a group once its card is up: each part alone, nothing twice, nothing lost, never in the card's way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.views.render import render_text
from domain.alerts import watchdogs
from domain.alerts.alerts import GroupState
from domain.catalogue.alerts import WatchdogEntry
from domain.errors import DeepechoError, Denied, PermanentError, Refused, TemporaryError
from runbooks.alerts.enrichment import AT_ONCE, WAITS
from storage.store import Store
from storage.timers import STALE
from tests.harness.alerts import MINUTE, SECOND, AlertsHouse, numbered, open_alerts_house
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.enrichment import SHORT, Cluster, Detective, Looking, Prometheus, Source, done, failing, left, measured
from tests.harness.samples.alerts import SUSPECT
from tests.harness.samples.notifications import notification

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

EVERYTHING = {"suspects-1", "chart-1", "pods-1"}
FLOOD = 70


@pytest.fixture
async def house(store: Store) -> AsyncIterator[AlertsHouse]:
    async with open_alerts_house(store) as opened:
        yield opened


async def fires(house: AlertsHouse, looking: Looking, *names: str) -> None:
    """The group's card is up."""
    await house.tell(notification(*(measured(name) for name in names or ("a",))))
    await looking.deliver()


async def test_once_the_card_is_up_its_thread_and_card_tell_what_is_known(house: AlertsHouse) -> None:
    looking = Looking(house)
    await house.tell(notification(measured()))
    assert await left(house) == []
    await looking.deliver()
    assert len(await left(house)) == 1
    await looking.look()
    assert (await looking.thread()).keys() == EVERYTHING
    group = await house.group()
    assert (group.suspect, group.value) == (SUSPECT, "14.2 (limit 10)")
    chart = (await looking.thread())["chart-1"].chart
    assert chart is not None
    assert [each.text for each in chart.markers] == [SUSPECT.change.what, "alert"]
    assert looking.prometheus.ranges.asked == looking.prometheus.values.asked == ["error_ratio"]


async def test_an_edit_of_the_card_is_not_looked_into_again(house: AlertsHouse) -> None:
    looking = Looking(house)
    await fires(house, looking)
    await looking.look()
    await fires(house, looking, "a", "b")
    assert await left(house) == []


async def test_the_card_is_edited_only_for_what_changed_on_it(house: AlertsHouse) -> None:
    """Pods that fail, and what was not found out, stand in the thread alone: a workspace has fifty edits a minute."""
    looking = Looking(house, detective=Detective(found=()), prometheus=Prometheus(values=Source(problem=TemporaryError("away"))))
    await fires(house, looking)
    await looking.look()
    waiting = [each for each in await house.said() if each.state == "pending"]
    assert {each.key.rpartition("/")[2] for each in waiting} == {"chart-1", "pods-1"}


SLOW = "It took too long."
REFUSAL = "Prometheus does not take the expression: parse error"


@pytest.mark.parametrize(
    ("part", "trouble", "said"),
    [
        ("chart", Source(hangs=True), SLOW),
        ("chart", Source(problem=PermanentError(REFUSAL)), REFUSAL),
        ("chart", Source(problem=TemporaryError("Prometheus cannot be reached.")), "Prometheus cannot be reached."),
        ("chart", Source(problem=KeyError("values")), "An error in the program: KeyError."),
        ("pods", Cluster(hangs=True), SLOW),
        ("pods", Cluster(problem=TemporaryError("The cluster is away.")), "The cluster is away."),
        ("pods", Cluster(problem=Refused("It is no longer there.")), "It is no longer there."),
        ("pods", Cluster(problem=ZeroDivisionError()), "An error in the program: ZeroDivisionError."),
        ("suspects", Detective(hangs=True), SLOW),
        ("suspects", Detective(problem=Denied("Nobody may look.")), "Nobody may look."),
        ("suspects", Detective(problem=RecursionError()), "An error in the program: RecursionError."),
    ],
)
async def test_each_part_fails_alone(house: AlertsHouse, part: str, trouble: Source, said: str) -> None:
    # A source is made once for all databases: what it was asked before is not asked of this one.
    trouble = replace(trouble, asked=[], busy=set(), met=[])
    looking = Looking(house, seconds=SHORT)
    if isinstance(trouble, Cluster):
        looking = Looking(house, seconds=SHORT, cluster=trouble)
    elif isinstance(trouble, Detective):
        looking = Looking(house, seconds=SHORT, detective=trouble)
    else:
        looking.prometheus.ranges = trouble
    await fires(house, looking)
    await looking.look()
    thread = await looking.thread()
    assert thread.keys() == EVERYTHING
    assert thread[f"{part}-1"].text.endswith(f" {said}")
    assert not any(each.text.endswith(said) for key, each in thread.items() if key != f"{part}-1")
    group = await house.group()
    assert group.value == "14.2 (limit 10)"
    assert (group.suspect is None) is (part == "suspects")


async def test_what_is_found_is_told_while_another_part_still_waits(house: AlertsHouse) -> None:
    looking = Looking(house, cluster=Cluster(hangs=True))
    await fires(house, looking)
    async with looking.at_work() as working:
        await looking.hand_over()
        async with asyncio.timeout(10):
            while (await looking.thread()).keys() != {"suspects-1", "chart-1"}:
                assert not working.done()
                await asyncio.sleep(0.01)
    assert len(await left(house)) == 1


async def test_slow_suspects_do_not_cost_the_chart(house: AlertsHouse) -> None:
    async def slowly() -> None:
        await asyncio.sleep(SHORT * 0.4)

    looking = Looking(house, seconds=SHORT, detective=Detective(hangs=True), prometheus=Prometheus(ranges=Source(slowly)))
    await fires(house, looking)
    await looking.look()
    chart = (await looking.thread())["chart-1"].chart
    assert chart is not None
    assert [each.text for each in chart.markers] == ["alert"]


async def test_a_part_that_cannot_be_kept_ends_neither_the_workers_nor_the_other_parts(house: AlertsHouse) -> None:
    looking = Looking(house, cluster=Cluster(found=(failing("half a pair: \ud800"),)))
    await fires(house, looking)
    async with looking.at_work() as working:
        await looking.hand_over()
        await done(house, working)
        await house.tell(numbered(2))
        await looking.deliver()
        await looking.hand_over()
        await done(house, working)
    assert (await looking.thread()).keys() == {"suspects-1", "chart-1"}


class Moody(Store):
    """A database that does not take what is written while ``away``."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.engines, self._answer)
        self.away = False
        self.refused = 0

    def _answer(self) -> None:
        if self.away:
            self.refused += 1
            raise TemporaryError("The database did not take it.")


async def test_a_database_that_was_away_for_a_moment_gets_everything_later_and_once(house: AlertsHouse) -> None:
    moody = Moody(house.store)
    looking = Looking(house, store=moody)
    await fires(house, looking)

    async def goes_away() -> None:
        moody.away = True

    looking.cluster.meanwhile = goes_away
    async with looking.at_work() as working:
        await looking.hand_over()
        async with asyncio.timeout(10):
            while not moody.refused or looking.cluster.busy:
                assert not working.done()
                await asyncio.sleep(0.01)
        looking.cluster.meanwhile = Source().meanwhile
        moody.away = False
        house.clock.go_on(STALE + SECOND)
        assert await looking.hand_over() == 1
        await done(house, working)
    assert (await looking.thread()).keys() == EVERYTHING
    assert len(looking.cluster.asked) == 2


async def test_what_the_database_did_not_take_of_one_part_leaves_no_other_running_behind(house: AlertsHouse) -> None:
    moody, found = Moody(house.store), asyncio.Event()
    looking = Looking(house, store=moody, prometheus=Prometheus(Source(hangs=True), Source(hangs=True)), seconds=SHORT)
    await fires(house, looking)

    async def waits() -> None:
        await found.wait()

    looking.cluster.meanwhile = waits
    moody.away = True
    looked = asyncio.create_task(looking.enrichment.enrich((await house.group()).id))
    async with asyncio.timeout(10):
        while not moody.refused:
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not looked.done()
    moody.away = False
    found.set()
    with pytest.raises(TemporaryError):
        await looked
    assert "pods-1" in await looking.thread()


async def test_after_a_crash_in_the_middle_nothing_is_lost_and_nothing_said_twice(house: AlertsHouse) -> None:
    died = Looking(house, cluster=Cluster(hangs=True))
    await fires(house, died)
    async with died.at_work():
        await died.hand_over()
        async with asyncio.timeout(10):
            while len(await died.thread()) < 2:
                await asyncio.sleep(0.01)
    before = await died.thread()
    came_after = Looking(house)
    assert await came_after.hand_over() == 0
    house.clock.go_on(STALE + SECOND)
    await came_after.look()
    thread = await came_after.thread()
    assert thread.keys() == EVERYTHING
    assert {key: thread[key] for key in before} == before
    assert await left(house) == []


async def test_stopped_before_it_began_it_leaves_no_loose_ends(house: AlertsHouse) -> None:
    looking = Looking(house)
    await fires(house, looking)
    group = await house.group()
    for passes in range(12):
        looked = asyncio.create_task(looking.enrichment.enrich(group.id))
        for _ in range(passes):
            await asyncio.sleep(0)
        looked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looked
    assert (await house.group()).episode == 1


async def test_what_was_resolved_by_then_is_not_looked_into(house: AlertsHouse) -> None:
    looking = Looking(house)
    await fires(house, looking)
    await house.tell(notification(replace(measured(), firing=False, ends_at=house.clock.now())))
    await looking.look()
    assert (await house.group()).state is GroupState.RESOLVED
    assert (looking.detective.asked, await looking.thread(), await left(house)) == ([], {}, [])


async def test_what_is_resolved_and_fires_again_meanwhile_is_told_of_its_new_episode_alone(house: AlertsHouse) -> None:
    looking = Looking(house)
    await fires(house, looking)

    async def turns() -> None:
        looking.cluster.meanwhile = Source().meanwhile
        house.clock.go_on(MINUTE)
        ended = replace(measured(), firing=False, ends_at=house.clock.now())
        await house.tell(notification(ended), notification(replace(measured(), starts_at=house.clock.now() + SECOND)))

    looking.cluster.meanwhile = turns
    async with looking.at_work() as working:
        await looking.hand_over()
        async with asyncio.timeout(10):
            while (await house.group()).episode < 2 or looking.cluster.busy:
                await asyncio.sleep(0.01)
        await looking.hand_over()
        await done(house, working)
    thread = await looking.thread()
    assert "pods-1" not in thread
    assert {"suspects-2", "chart-2", "pods-2"} <= thread.keys()
    assert await left(house) == []


async def test_what_is_gone_meanwhile_is_let_go(house: AlertsHouse) -> None:
    looking = Looking(house, seconds=SHORT, cluster=Cluster(hangs=True), prometheus=Prometheus(ranges=Source(hangs=True)))
    await fires(house, looking)

    async def long_ago() -> None:
        group = await house.group()
        async with house.store.write() as tx:
            await tx.alerts.save([replace(group, state=GroupState.RESOLVED, resolved_at=house.clock.now() - timedelta(days=40))])
            await tx.alerts.prune(house.clock.now() - timedelta(days=30))

    looking.detective.meanwhile = long_ago
    await looking.look()
    assert await house.groups() == []
    assert (await looking.thread(), await left(house)) == ({}, [])


async def test_what_a_storm_folds_away_is_not_looked_into(house: AlertsHouse) -> None:
    looking = Looking(house)
    await house.tell(*(numbered(number) for number in range(25)))
    await looking.deliver()
    folded = [each for each in await house.groups() if each.storm]
    assert folded
    await looking.enrichment.enrich(folded[0].id)
    assert len(await left(house)) == 25 - len(folded)
    assert looking.detective.asked == []


@pytest.mark.parametrize(
    ("labels", "asked"),
    [
        ({"environment": "", "service": ""}, []),
        ({"environment": "production", "service": ""}, [" in production"]),
        ({"environment": "staging", "service": "deep-echo-main"}, ["deep-echo-main in staging"]),
        ({"environment": "nowhere", "service": "nothing"}, []),
    ],
)
async def test_only_what_has_a_place_is_looked_for_there(house: AlertsHouse, labels: dict[str, str], asked: list[str]) -> None:
    looking = Looking(house)
    await house.tell(notification(measured(**labels)))
    await looking.deliver()
    await looking.look()
    assert looking.detective.asked == asked
    assert bool(looking.prometheus.ranges.asked) is (labels["environment"] == "production")
    assert bool(looking.cluster.asked) is (labels["service"] == "deep-echo-main")


async def test_an_environment_that_a_reload_took_away_ends_nothing(house: AlertsHouse) -> None:
    looking = Looking(house)
    await fires(house, looking)
    environments = {name: each for name, each in house.catalogue.environments.items() if name != "production"}
    house.catalogue = house.catalogue.model_copy(update={"environments": environments, "services": {}})
    await looking.look()
    assert "pods-1" not in await looking.thread()
    assert await left(house) == []


async def test_a_watchdog_that_stays_away_is_looked_into_without_a_place(house: AlertsHouse) -> None:
    looking = Looking(house)
    watchdog = WatchdogEntry.model_validate(
        {"name": "prometheus", "match": ["alertname=Watchdog"], "within_minutes": 10, "severity": "P1"}
    )
    async with house.store.write() as tx:
        await house.intake.tell(tx, watchdogs.missing(watchdog, house.clock.now()), watchdog, house.clock.now())
    await looking.deliver()
    await looking.look()
    assert (await looking.thread(), looking.detective.asked) == ({}, [])


async def test_a_flood_is_looked_into_some_at_a_time_each_group_once(house: AlertsHouse) -> None:
    """Seventy cards come up at once, and looking into them all takes longer than a timer is held."""
    house.catalogue = house.catalogue.model_copy(
        update={"alerts": house.catalogue.alerts.model_copy(update={"new_groups_a_minute": 1000})}  # type: ignore[union-attr]
    )
    looking = Looking(house)
    for number in range(FLOOD):
        labels = {"alertname": "HighErrorRate", "pod": f"n{number}"}
        one = measured(f"n{number}", expression=f"errors_{number} > 10")
        await house.keep(notification(one, key=f'{{}}:{{pod="n{number}"}}', labels=labels))
    await house.apply()
    await looking.deliver()
    most = 0

    async def takes_a_second() -> None:
        nonlocal most
        most = max(most, len(looking.prometheus.ranges.busy))
        house.clock.go_on(SECOND)
        await asyncio.sleep(0.005)

    looking.prometheus.ranges.meanwhile = takes_a_second
    began = house.clock.now()
    assert await looking.hand_over() == FLOOD
    async with looking.at_work() as working, asyncio.timeout(40):
        while await left(house):
            assert not working.done()
            await looking.hand_over()
            await asyncio.sleep(0.01)
            house.clock.go_on(SECOND / 2)
        # Whatever was handed over twice comes before this one.
        await house.tell(notification(measured(expression="last > 10"), key='{}:{pod="last"}', labels={"pod": "last"}))
        await looking.deliver()
        await looking.hand_over()
        await done(house, working)
    assert house.clock.now() - began > STALE
    assert 1 < most <= AT_ONCE
    assert sorted(looking.prometheus.ranges.asked) == sorted(["last", *(f"errors_{number}" for number in range(FLOOD))])
    assert sum(each.key.endswith("/t/chart-1") for each in await house.said()) == FLOOD + 1


async def test_a_timer_that_waited_too_long_is_left_to_whoever_takes_it_next(house: AlertsHouse) -> None:
    looking = Looking(house)
    await fires(house, looking)
    assert await looking.hand_over() == 1
    house.clock.go_on(WAITS)
    async with looking.at_work() as working:
        house.clock.go_on(STALE - WAITS + SECOND)
        await asyncio.sleep(0.05)
        assert looking.detective.asked == []
        assert await looking.hand_over() == 1
        await done(house, working)
    assert (await looking.thread()).keys() == EVERYTHING


async def test_an_expression_goes_to_our_own_prometheus_whoever_sent_it(house: AlertsHouse) -> None:
    looking = Looking(house)
    await house.tell(notification(measured(host="evil.example:1@metadata.internal")))
    await looking.deliver()
    await looking.look()
    assert looking.prometheus.ranges.asked == ["error_ratio"]


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("Prometheus does not take the expression: up{token=hunter2hunter2}"),
        TemporaryError("Prometheus at https://bot:hunter2hunter2@prometheus.example cannot be reached."),
    ],
)
async def test_what_holds_a_secret_is_not_shown(house: AlertsHouse, error: DeepechoError) -> None:
    pod = failing("password=hunter2hunter2", "Authorization: Bearer hunter2hunter2")
    looking = Looking(house, cluster=Cluster(found=(pod,)), prometheus=Prometheus(ranges=Source(problem=error)))
    await fires(house, looking)
    await looking.look()
    thread = await looking.thread()
    shown = [render_text(thread[key]) for key in ("chart-1", "pods-1")]
    assert all("•••" in each for each in shown)
    assert not any("hunter2" in each for each in shown)


async def test_a_second_replica_adds_nothing(house: AlertsHouse) -> None:
    first, second = Looking(house), Looking(house)
    await fires(house, first)
    group = await house.group()
    await asyncio.gather(first.enrichment.enrich(group.id), second.enrichment.enrich(group.id))
    keys = [each.key for each in await house.said()]
    assert len(keys) == len(set(keys)) + keys.count(f"{group.id}/card") - 1
    after = await house.group()
    assert (after.suspect, after.value) == (SUSPECT, "14.2 (limit 10)")
