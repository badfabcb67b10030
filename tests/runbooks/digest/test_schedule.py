"""Digests with moved time: each exactly once, late rather than never, of the right day."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.digest import DigestConfig
from domain.digest.digest import Digest
from domain.health import HealthCheck, HealthLevel, HealthLine
from runbooks.digest.composing import DigestComposer
from runbooks.digest.measuring import HealthReader, HealthSources
from runbooks.digest.schedule import DigestSchedule
from runbooks.digest.today import TodayReader
from runbooks.timers import TimerDispatcher
from storage.digest import DIGEST, DIGEST_CHART, DIGEST_TIMER
from storage.engines import open_engines
from storage.store import Store
from storage.tables.core import outbox
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.team import team_catalogue

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(hours=2)
OUTAGE = (datetime(2026, 10, 13, 23, tzinfo=UTC), datetime(2026, 10, 14, 3, tzinfo=UTC))
"""Four hours, in which Berlin's digest of the 14th is due."""
RESTARTS = 200


class KilledError(BaseException):
    """The process ends while it measures."""


def digest_config(zone: str, at: str, **more: Any) -> DigestConfig:
    return DigestConfig(environment="production", channel="C0OPS", zone=zone, at=at, **more)


EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DIGESTS = {
    # Clocks skip 02:30 on 4 October in Sydney, and show it twice on 25 October in Berlin.
    "sydney": digest_config("Australia/Sydney", "02:30", days=EVERY_DAY),
    "berlin": digest_config("Europe/Berlin", "02:30", days=EVERY_DAY),
    "office": digest_config("America/New_York", "08:00"),
}


@dataclass
class DigestReplicas:
    """Replicas that share a database and a clock. ``kills`` is how many of the next measurements end their process."""

    stores: tuple[Store, ...]
    clock: StoppedClock
    catalogue: Catalogue
    kills: int = 0
    killed: int = 0
    restarts: int = 0
    value: float = 1.0
    running: list[tuple[DigestSchedule, TimerDispatcher]] = field(default_factory=list)

    async def measure(self, _environment: str) -> tuple[HealthLine, ...]:
        if self.kills:
            self.kills -= 1
            self.killed += 1
            raise KilledError
        at = self.clock.now()
        return (HealthLine(system="errors", level=HealthLevel.GREEN, text="few", measured_at=at, value=self.value, unit="%"),)

    def start(self, number: int) -> tuple[DigestSchedule, TimerDispatcher]:
        store, self.restarts = self.stores[number], self.restarts + 1
        sources = HealthSources(checks=[HealthCheck(name="errors", run=self.measure)])
        schedule = DigestSchedule(
            store=store,
            clock=self.clock,
            catalogue=lambda: self.catalogue,
            composer=DigestComposer(
                store=store,
                reader=HealthReader(sources, self.clock),
                today=TodayReader(store=store, catalogue=lambda: self.catalogue),
            ),
            notify_outbox=lambda: None,
        )
        name = f"replica-{number}-{self.restarts}"
        handlers = {DIGEST_TIMER: schedule.run_due}
        return schedule, TimerDispatcher(store=store, clock=self.clock, replica=name, handlers=handlers)

    def restart(self, number: int) -> None:
        self.running[number] = self.start(number)

    async def tick(self) -> None:
        """Every replica plans and runs what is due, at once; who is killed is started again."""
        ended = await asyncio.gather(*(_run(*each) for each in self.running), return_exceptions=True)
        for number, error in enumerate(ended):
            if isinstance(error, KilledError):
                self.restart(number)
            elif error is not None:
                raise error

    async def digests(self) -> list[Digest]:
        """What is in the outbox, in its order."""
        async with self.stores[0].engines.read.connect() as connection:
            rows = await connection.execute(select(outbox.c.fact).where(outbox.c.kind == DIGEST.name).order_by(outbox.c.id))
            return [DIGEST.load(text) for text in rows.scalars()]


async def _run(schedule: DigestSchedule, timers: TimerDispatcher) -> None:
    await schedule.plan()
    await timers.run_due()


def replicas_of(*stores: Store, now: datetime = BEGIN, digests: dict[str, DigestConfig] | None = None) -> DigestReplicas:
    catalogue = team_catalogue().model_copy(update={"digests": digests or DIGESTS})
    found = DigestReplicas(stores, StoppedClock(now), catalogue)
    found.running = [found.start(number) for number in range(len(stores))]
    return found


@pytest.fixture
async def three(postgres_url: str) -> AsyncIterator[DigestReplicas]:
    stores = [Store(open_engines(postgres_url)) for _ in range(3)]
    yield replicas_of(*stores)
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
