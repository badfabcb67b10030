"""Digests with moved time: each exactly once, late rather than never, of the right day."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from storage.digest import DIGEST_CHART
from storage.engines import open_engines
from storage.store import Store
from storage.tables.core import outbox
from tests.runbooks.digest.replicas import EVERY_DAY, DigestReplicas, digest_config, replicas_of

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(hours=2)
OUTAGE = (datetime(2026, 10, 13, 23, tzinfo=UTC), datetime(2026, 10, 14, 3, tzinfo=UTC))
"""Four hours, in which Berlin's digest of the 14th is due."""
RESTARTS = 200


DIGESTS = {
    # Clocks skip 02:30 on 4 October in Sydney, and show it twice on 25 October in Berlin.
    "sydney": digest_config("Australia/Sydney", "02:30", days=EVERY_DAY),
    "berlin": digest_config("Europe/Berlin", "02:30", days=EVERY_DAY),
    "office": digest_config("America/New_York", "08:00"),
}


@pytest.fixture
async def three(postgres_url: str) -> AsyncIterator[DigestReplicas]:
    stores = [Store(open_engines(postgres_url)) for _ in range(3)]
    yield replicas_of(*stores, now=BEGIN, digests=DIGESTS)
    for each in stores:
        await each.close()


@pytest.fixture
def one(store: Store) -> DigestReplicas:
    return replicas_of(
        store, now=datetime(2026, 11, 23, 6, tzinfo=UTC), digests={"berlin": digest_config("Europe/Berlin", "08:00")}
    )


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=each) for each in range((last - first).days + 1)]


@pytest.mark.postgres
async def test_a_month_with_both_changes_of_clocks_has_each_digest_once(three: DigestReplicas) -> None:
    step = 0
    while three.clock.now() < END:
        if not OUTAGE[0] <= three.clock.now() < OUTAGE[1]:
            if three.restarts < RESTARTS:
                three.restart(step % 3)
            three.kills = step % 4 == 0
            await three.tick()
        three.clock.advance(STEP)
        step += 1
    found = await three.digests()
    made: dict[str, list[date]] = {audience: [each.period for each in found if each.audience == audience] for audience in DIGESTS}
    october = days(date(2026, 10, 1), date(2026, 10, 31))
    assert made["berlin"] == october
    assert made["sydney"] == [*october[1:], date(2026, 11, 1)]
    assert made["office"] == [day for day in october if day.weekday() < 5]
    assert (three.restarts >= RESTARTS, three.killed > 10) == (True, True)

    due = {(each.audience, each.period): each.due_at for each in found}
    assert due["sydney", date(2026, 10, 4)] == datetime(2026, 10, 3, 16, tzinfo=UTC)
    assert due["berlin", date(2026, 10, 25)] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    late = next(each for each in found if (each.audience, each.period) == ("berlin", date(2026, 10, 14)))
    assert (late.is_late, late.made_at >= OUTAGE[1]) == (True, True)
    assert all(each.due_at is not None and each.made_at >= each.due_at for each in found)


async def test_a_late_digest_is_of_the_day_on_which_it_was_due_and_no_second_one_follows(one: DigestReplicas) -> None:
    await one.tick()
    one.clock.advance(timedelta(hours=20))
    for _ in range(3):
        await one.tick()
    (late,) = await one.digests()
    assert (late.period, late.is_late) == (date(2026, 11, 23), True)
    one.clock.advance(timedelta(hours=6))
    await one.tick()
    assert [each.period for each in await one.digests()] == [date(2026, 11, 23), date(2026, 11, 24)]


async def test_who_was_killed_while_it_measured_is_followed_by_another_after_a_minute(one: DigestReplicas) -> None:
    await one.tick()
    one.clock.advance(timedelta(hours=1))
    one.kills = 1
    await one.tick()
    assert await one.digests() == []
    one.clock.advance(timedelta(seconds=61))
    await one.tick()
    assert [each.period for each in await one.digests()] == [date(2026, 11, 23)]


async def test_a_catalogue_that_moves_the_time_moves_the_plan_and_repeats_no_day(one: DigestReplicas) -> None:
    await one.tick()
    one.clock.advance(timedelta(hours=1))
    await one.tick()
    one.catalogue = one.catalogue.model_copy(update={"digests": {"berlin": digest_config("Europe/Berlin", "12:00")}})
    one.clock.advance(timedelta(hours=5))
    await one.tick()
    assert [each.period for each in await one.digests()] == [date(2026, 11, 23)]
    one.clock.advance(timedelta(hours=21))
    await one.tick()
    await one.tick()
    assert [each.period for each in await one.digests()] == [date(2026, 11, 23)]
    one.clock.advance(timedelta(hours=3))
    await one.tick()
    assert [each.due_at for each in await one.digests()][1:] == [datetime(2026, 11, 24, 11, tzinfo=UTC)]


async def test_an_audience_that_left_the_catalogue_gets_none(one: DigestReplicas) -> None:
    await one.tick()
    one.catalogue = one.catalogue.model_copy(update={"digests": {}})
    one.clock.advance(timedelta(days=1))
    await one.tick()
    assert await one.digests() == []


async def test_a_digest_with_numbers_to_compare_is_followed_by_one_picture_in_its_thread(one: DigestReplicas) -> None:
    await one.tick()
    one.clock.advance(timedelta(hours=1))
    for value in (1.0, float("nan"), 9.0):
        one.value = value
        await one.tick()
        await one.tick()
        one.clock.advance(timedelta(days=1))
    async with one.stores[0].engines.read.connect() as connection:
        rows = (await connection.execute(select(outbox.c.key, outbox.c.parent, outbox.c.fact).order_by(outbox.c.id))).all()
    pictures = [(key, parent, DIGEST_CHART.load(fact)) for key, parent, fact in rows if key.endswith("/chart")]
    ((key, parent, picture),) = pictures
    assert (key, parent) == ("digest/berlin/2026-11-25/chart", "digest/berlin/2026-11-25")
    (row,) = picture.chart.rows
    assert (row.name, row.value, row.span, row.low, row.high) == ("errors", "now 9 %", "last week", "1 %", "9 %")
    assert [value for _, value in row.points] == [1.0, None, 9.0]


async def test_numbers_stand_beside_those_of_yesterday_and_their_average(one: DigestReplicas) -> None:
    await one.tick()
    one.clock.advance(timedelta(hours=1))
    for value in (1.0, 2.0, 9.0):
        one.value = value
        await one.tick()
        one.clock.advance(timedelta(days=1))
    assert [dict(each.comparisons).get("errors") for each in await one.digests()] == [
        None,
        "yesterday 1 %",
        "yesterday 2 %, average of 2 digests 1.5 %",
    ]
