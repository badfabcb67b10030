"""What a digest reads: from which time on, of whom, and how long it waits for what is slow."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.catalogue.catalogue import Catalogue
from domain.digest.digest import Digest
from domain.health import HealthCheck, HealthLevel, HealthLine, LeftByNight, NightSource
from domain.operations.operation import State
from runbooks.digest.composing import DigestComposer
from runbooks.digest.measuring import HealthReader, HealthSources
from runbooks.digest.today import TodayReader
from storage.digest import DigestRepository, PlannedDigest
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.operations import record, succeeded
from tests.harness.samples.team import team_catalogue

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = date(2026, 11, 23)
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


@dataclass
class ComposingHarness:
    store: Store
    sources: HealthSources
    composer: DigestComposer

    async def made(self, audience: str, due_at: datetime) -> None:
        """A digest of production that was made."""
        digest = Digest(audience=audience, environment="production", period=due_at.date(), due_at=due_at, made_at=due_at)
        async with self.store.write() as tx:
            rows = tx.of(DigestRepository)
            assert await rows.plan(
                PlannedDigest(audience=audience, period=due_at.date(), environment="production", due_at=due_at)
            )
            assert await rows.make(digest)

    async def ended(self, name: str, requested_at: datetime, ended_at: datetime) -> None:
        """A rollback that was asked for and carried out at these times."""
        operation = replace(succeeded(), id=name, source=name, requested_at=requested_at, ended_at=ended_at)
        async with self.store.write() as tx:
            await tx.operations.add(operation)

    async def since(self, audience: str = "") -> tuple[object, ...]:
        """What a digest of Monday says of the time since the one before, and which one that was."""
        digest = await self.composer.compose("production", MONDAY, AT, audience)
        return (digest.since, *digest.since_yesterday)


@pytest.fixture
def harness(store: Store) -> ComposingHarness:
    sources = HealthSources()
    today = TodayReader(store=store, catalogue=team_catalogue)
    composer = DigestComposer(store=store, reader=HealthReader(sources, StoppedClock(AT)), today=today)
    return ComposingHarness(store, sources, composer)


async def test_the_first_one_tells_of_the_last_day(harness: ComposingHarness) -> None:
    await harness.ended("op-old", AT - 26 * HOUR, AT - 25 * HOUR)
    await harness.ended("op-new", AT - 20 * HOUR, AT - 20 * HOUR)
    assert await harness.since("platform") == (None, "1 rollback")


async def test_on_a_monday_it_tells_of_the_weekend_and_of_its_own_audience(harness: ComposingHarness) -> None:
    friday, sunday = AT - 3 * DAY, AT - DAY
    await harness.made("office", friday)
    await harness.made("daily", sunday)
    await harness.ended("op-thursday", friday - HOUR, friday - HOUR)
    await harness.ended("op-saturday", friday + DAY, friday + DAY)
    await harness.ended("op-sunday", sunday + HOUR, sunday + HOUR)
    assert await harness.since("office") == (friday.date(), "2 rollbacks")
    assert await harness.since("daily") == (sunday.date(), "1 rollback")
    assert await harness.since() == (sunday.date(), "1 rollback")


async def test_who_asks_far_in_the_east_is_told_of_a_whole_day_too(harness: ComposingHarness) -> None:
    await harness.made("office", AT - 3 * HOUR)
    await harness.ended("op-night", AT - 20 * HOUR, AT - 20 * HOUR)
    digest = await harness.composer.compose("production", MONDAY + DAY, AT)
    assert digest.since_yesterday == ("1 rollback",)


async def test_after_a_pause_of_weeks_it_tells_of_no_more_than_a_week_and_says_since_when(harness: ComposingHarness) -> None:
    await harness.made("office", AT - 30 * DAY)
    await harness.ended("op-long-ago", AT - 8 * DAY, AT - 8 * DAY)
    assert await harness.since("office") == (MONDAY - 7 * DAY,)


async def test_what_was_asked_for_before_the_last_one_and_carried_out_after_it_is_told_once(harness: ComposingHarness) -> None:
    await harness.made("office", AT - DAY)
    await harness.ended("op-night", AT - DAY - HOUR, AT - DAY + HOUR)
    assert await harness.since("office") == (MONDAY - DAY, "1 rollback")
    async with harness.store.write() as tx:
        await tx.operations.add(record(State.WAITING, id="op-wait", source="wait", requested_at=AT - HOUR))
    digest = await harness.composer.compose("production", MONDAY, AT, "office")
    assert "waits for an approval: op-wait" in digest.today
    assert digest.since_yesterday == ("1 rollback",)


async def test_the_night_begins_on_the_evening_after_the_one_before(harness: ComposingHarness) -> None:
    nights: list[datetime] = []

    async def find(_environment: str, since: datetime, _until: datetime) -> tuple[LeftByNight, ...]:
        nights.append(since)
        return ()

    harness.sources.night.append(NightSource(name="locks", find=find))
    await harness.since("office")
    await harness.made("office", AT - 3 * DAY)
    await harness.since("office")
    assert nights == [AT - 14 * HOUR, AT - 3 * DAY + 10 * HOUR]


async def test_what_is_slow_is_waited_for_where_nobody_waits_for_the_digest(harness: ComposingHarness) -> None:
    async def run(_environment: str) -> tuple[HealthLine, ...]:
        await asyncio.sleep(0.05)
        return (HealthLine(system="errors", level=HealthLevel.GREEN, text="few", measured_at=AT),)

    check = HealthCheck(name="errors", run=run, timeout=timedelta(milliseconds=1))
    harness.sources.checks.append(check)
    asked = await harness.composer.compose("production", MONDAY, AT)
    due = await harness.composer.compose("production", MONDAY, AT, "office")
    assert [each.level for digest in (asked, due) for each in digest.lines] == [HealthLevel.UNKNOWN, HealthLevel.GREEN]


async def test_a_check_with_a_limit_of_its_own_is_asked_in_its_unhurried_way(harness: ComposingHarness) -> None:
    async def hurried(_environment: str) -> tuple[HealthLine, ...]:
        return (HealthLine(system="errors", level=HealthLevel.UNKNOWN, text="late", measured_at=AT),)

    async def unhurried(_environment: str) -> tuple[HealthLine, ...]:
        return (HealthLine(system="errors", level=HealthLevel.GREEN, text="few", measured_at=AT),)

    harness.sources.checks.append(HealthCheck(name="errors", run=hurried, unhurried=unhurried))
    asked = await harness.composer.compose("production", MONDAY, AT)
    due = await harness.composer.compose("production", MONDAY, AT, "office")
    assert [each.text for digest in (asked, due) for each in digest.lines] == ["late", "few"]


async def test_numbers_are_compared_with_a_week_of_digests_however_many_audiences_there_are(harness: ComposingHarness) -> None:
    for days in range(1, 10):
        for audience in ("c", "a", "b", "e", "d"):
            await harness.made(audience, AT - days * DAY)
    async with harness.store.read() as tx:
        earlier = await tx.of(DigestRepository).earlier("production", MONDAY, 7)
    assert [(each.period, each.audience) for each in earlier] == [(MONDAY - days * DAY, "a") for days in range(1, 8)]


async def test_a_part_that_cannot_be_read_says_so_and_sinks_no_other(harness: ComposingHarness) -> None:
    def broken() -> Catalogue:
        raise LookupError("oncall")

    await harness.ended("op-new", AT - HOUR, AT - HOUR)
    composer = replace(harness.composer, today=TodayReader(store=harness.store, catalogue=broken))
    digest = await composer.compose("production", MONDAY, AT, "office")
    assert digest.today == ("not known: the check ended in an error of deepecho; its log has it",)
    assert digest.since_yesterday == ("1 rollback",)
