"""Digests where the catalogue changes, or nothing ran for long: each day that was wanted once, and no day that was not."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.catalogue.digest import DigestConfig
from storage.store import Store
from tests.runbooks.digest.replicas import EVERY_DAY, DigestReplicas, digest_config, replicas_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = date(2026, 11, 23)


def berlin(at: str = "08:00", days: tuple[str, ...] = EVERY_DAY) -> dict[str, DigestConfig]:
    return {"berlin": digest_config("Europe/Berlin", at, days=days)}


@pytest.fixture
def one(store: Store) -> DigestReplicas:
    """One replica, on Monday at 07:00 in Berlin."""
    return replicas_of(store, now=datetime(2026, 11, 23, 6, tzinfo=UTC), digests=berlin())


def change(replicas: DigestReplicas, digests: dict[str, Any]) -> None:
    replicas.catalogue = replicas.catalogue.model_copy(update={"digests": digests})


async def run(replicas: DigestReplicas, time: timedelta, step: timedelta = HOUR) -> None:
    """Let it run for so long."""
    end = replicas.clock.now() + time
    while replicas.clock.now() < end:
        await replicas.tick()
        replicas.clock.advance(step)


async def periods(replicas: DigestReplicas) -> list[date]:
    return [each.period for each in await replicas.digests()]


def days_from(first: date, count: int) -> list[date]:
    return [first + number * DAY for number in range(count)]


async def test_one_that_becomes_daily_begins_tomorrow_and_makes_up_for_no_day_that_nobody_wanted(one: DigestReplicas) -> None:
    change(one, berlin(days=("mon",)))
    await run(one, 4 * DAY + 2 * HOUR)
    assert await periods(one) == [MONDAY]
    change(one, berlin())
    await run(one, 2 * DAY)
    assert await periods(one) == [MONDAY, *days_from(date(2026, 11, 28), 2)]


async def test_an_audience_that_comes_back_begins_with_its_next_period(one: DigestReplicas) -> None:
    await run(one, DAY)
    change(one, {})
    await run(one, 5 * DAY)
    change(one, berlin())
    await run(one, DAY + HOUR)
    assert await periods(one) == [MONDAY, *days_from(date(2026, 11, 29), 1)]


async def test_after_three_weeks_without_any_replica_the_last_week_comes_late_and_nothing_older(one: DigestReplicas) -> None:
    await run(one, DAY)
    one.clock.advance(21 * DAY)
    await run(one, 12 * HOUR)
    assert await periods(one) == [MONDAY, *days_from(date(2026, 12, 9), 7)]
    assert all(each.is_late for each in (await one.digests())[1:-1])


async def test_one_that_was_never_made_before_an_outage_of_weeks_makes_up_for_the_last_week_too(one: DigestReplicas) -> None:
    await one.tick()
    one.clock.advance(21 * DAY)
    await run(one, 10 * HOUR)
    assert await periods(one) == days_from(date(2026, 12, 8), 7)


async def test_a_time_that_moves_to_the_past_of_today_comes_late_today(one: DigestReplicas) -> None:
    change(one, berlin("12:00"))
    await run(one, DAY + 3 * HOUR)
    change(one, berlin("08:00"))
    await run(one, HOUR)
    assert [(each.period, each.is_late) for each in await one.digests()] == [(MONDAY, False), (MONDAY + DAY, True)]


@pytest.mark.parametrize("is_planned_first", [True, False])
async def test_a_day_that_left_the_catalogue_during_an_outage_has_none(one: DigestReplicas, *, is_planned_first: bool) -> None:
    await run(one, 4 * DAY + 12 * HOUR)  # until Friday evening
    one.clock.advance(DAY)
    change(one, berlin(days=("mon", "tue", "wed", "thu", "fri")))
    (schedule, timers) = one.running[0]
    if not is_planned_first:
        await timers.run_due()
    await schedule.plan()
    await run(one, 2 * DAY)
    assert await periods(one) == [*days_from(MONDAY, 5), date(2026, 11, 30)]


async def test_replicas_that_read_different_catalogues_for_a_time_make_each_day_once(store: Store) -> None:
    begin = datetime(2026, 11, 23, 6, tzinfo=UTC)
    old, new = replicas_of(store, now=begin, digests=berlin()), replicas_of(store, now=begin, digests=berlin("12:00"))
    new.clock = old.clock
    new.restart(0)
    for _ in range(2 * 24):
        for replica in (old, new):
            await replica.tick()
        old.clock.advance(HOUR)
    assert await periods(old) == days_from(MONDAY, 2)


async def test_a_zone_that_moves_repeats_no_day(one: DigestReplicas) -> None:
    for zone in ("Pacific/Auckland", "America/Los_Angeles", "Europe/Berlin"):
        change(one, {"berlin": digest_config(zone, "08:00", days=EVERY_DAY)})
        await run(one, 2 * DAY)
    found = await periods(one)
    assert found == sorted(set(found))
    assert len(found) >= 5


async def test_after_a_weekend_it_tells_of_the_time_since_friday(one: DigestReplicas) -> None:
    change(one, berlin(days=("mon", "fri")))
    await run(one, 8 * DAY)
    assert [(each.period, each.since, each.is_of_one_day) for each in await one.digests()] == [
        (MONDAY, None, True),
        (date(2026, 11, 27), MONDAY, False),
        (date(2026, 11, 30), date(2026, 11, 27), False),
    ]
