"""Following: a message that is edited until its time is over, also after a restart, and then says so."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.answers.logs import LogsAnswer
from domain.errors import TemporaryError
from domain.logs.filters import LogFilter
from domain.logs.follows import LogFollow
from domain.logs.lines import LogLine, LogPage, LogQuery
from domain.people import Person
from runbooks.logs.following import LogFollower
from runbooks.logs.reading import LogReader
from runbooks.timers import TimerDispatcher
from storage.logs import FOLLOW_TIMER
from storage.store import Store
from storage.tables.core import outbox
from storage.timers import Timer
from tests.harness.fakes.clock import NOW, StoppedClock
from tests.harness.families import load, render_text

ANA = Person("U0ANA", "T0HOME")
QUERY = LogQuery(environment="production", service="web", filter=LogFilter(), since=NOW, until=NOW + timedelta(seconds=60))


@dataclass
class WrittenLines:
    """A log in which lines appear as time goes on."""

    lines: list[LogLine]
    fails: bool = False

    async def read(self, query: LogQuery) -> LogPage | None:
        if self.fails:
            raise TemporaryError("The log does not answer.")
        found = tuple(line for line in self.lines if query.since <= line.at < query.until)
        return LogPage(source="the test", lines=found, total=len(found))


@dataclass
class FollowHarness:
    store: Store
    clock: StoppedClock
    log: WrittenLines
    is_viewer: bool = True

    def process(self, replica: str = "one") -> tuple[LogFollower, TimerDispatcher]:
        """What a process runs; another one has the same rows."""
        reader = LogReader(server=self.log, pods=WrittenLines([], fails=True))

        async def may_read(_person: Person, _environment: str) -> bool:
            return self.is_viewer

        follower = LogFollower(store=self.store, clock=self.clock, reader=reader, may_read=may_read)

        async def work(timer: Timer, _at: datetime) -> None:
            await follower.work(timer)

        handlers = {FOLLOW_TIMER: work}
        return follower, TimerDispatcher(store=self.store, clock=self.clock, replica=replica, handlers=handlers)

    def write(self, count: int) -> None:
        at = self.clock.now()
        self.log.lines += [LogLine(at, f"line {len(self.log.lines) + number}") for number in range(count)]

    async def messages(self) -> list[Any]:
        """The newest of each message."""
        async with self.store.engines.read.connect() as connection:
            rows = (await connection.execute(select(outbox).order_by(outbox.c.id))).all()
        return list({row.key: load(row.kind, row.version, row.fact) for row in rows}.values())

    async def follow(self) -> LogFollow:
        found = [each for each in await self.messages() if isinstance(each, LogFollow)][-1]
        assert isinstance(found, LogFollow)
        return found


@pytest.fixture
async def harness(store: Store) -> FollowHarness:
    return FollowHarness(store, StoppedClock(), WrittenLines([]))


async def test_lines_appear_until_the_time_is_over(harness: FollowHarness) -> None:
    follower, timers = harness.process()
    await follower.begin(QUERY, ANA, "envelope-1")
    assert "following: 0 lines" in render_text(await harness.follow())
    for _ in range(11):
        harness.write(2)
        harness.clock.advance(timedelta(seconds=5))
        await timers.run_due()
    shown = await harness.follow()
    assert (shown.total, [each.text for each in shown.lines][-1], len(shown.lines), shown.is_over) == (22, "line 21", 15, False)
    harness.clock.advance(timedelta(seconds=5))
    await timers.run_due()
    assert "ended: 22 lines" in render_text(await harness.follow())
    whole = (await harness.messages())[-1]
    assert isinstance(whole, LogsAnswer)
    assert whole.page is not None
    assert len(whole.page.lines) == 22
    async with harness.store.read() as tx:
        assert await tx.timers.due(NOW + timedelta(days=1)) == ()


async def test_few_lines_have_no_second_message(harness: FollowHarness) -> None:
    follower, timers = harness.process()
    await follower.begin(QUERY, ANA, "envelope-1")
    harness.write(3)
    harness.clock.advance(timedelta(minutes=2))
    await timers.run_due()
    assert {type(each) for each in await harness.messages()} == {LogFollow}
    assert (await harness.follow()).is_over


async def test_a_restart_in_the_middle_goes_on_and_a_long_outage_ends_it(harness: FollowHarness) -> None:
    follower, _ = harness.process()
    await follower.begin(QUERY, ANA, "envelope-1")
    harness.write(1)
    harness.clock.advance(timedelta(seconds=30))
    _, timers = harness.process("two")
    await timers.run_due()
    assert ((await harness.follow()).total, (await harness.follow()).is_over) == (1, False)
    harness.write(1)
    harness.clock.advance(timedelta(hours=5))
    _, timers = harness.process("three")
    await timers.run_due()
    ended = await harness.follow()
    assert (ended.total, ended.is_over, ended.read_at) == (2, True, QUERY.until)


async def test_what_cannot_be_read_leaves_the_lines_and_says_why(harness: FollowHarness) -> None:
    follower, timers = harness.process()
    await follower.begin(QUERY, ANA, "envelope-1")
    harness.write(2)
    harness.clock.advance(timedelta(seconds=5))
    await timers.run_due()
    harness.log.fails = True
    harness.clock.advance(timedelta(seconds=5))
    await timers.run_due()
    shown = await harness.follow()
    assert (shown.total, bool(shown.problem)) == (2, True)
    assert "❔" in render_text(shown)


async def test_another_one_ends_the_first(harness: FollowHarness) -> None:
    follower, timers = harness.process()
    await follower.begin(QUERY, ANA, "envelope-1")
    await follower.begin(replace(QUERY, service="till"), ANA, "envelope-2")
    await follower.begin(QUERY, Person("U0MIA", "T0HOME"), "envelope-3")
    shown = [render_text(each) for each in await harness.messages()]
    assert any("you began to follow something else" in text and "web in production, ended" in text for text in shown)
    assert sum(", following" in text for text in shown) == 2
    harness.clock.advance(timedelta(minutes=2))
    await timers.run_due()
    assert all(each.is_over for each in await harness.messages() if isinstance(each, LogFollow))


async def test_who_lost_the_role_reads_no_more(harness: FollowHarness) -> None:
    follower, timers = harness.process()
    await follower.begin(QUERY, ANA, "envelope-1")
    harness.write(20)
    harness.is_viewer = False
    harness.clock.advance(timedelta(minutes=2))
    await timers.run_due()
    shown = await harness.follow()
    assert (shown.total, shown.is_over) == (0, True)
    assert "You may not look at this environment any more." in render_text(shown)
    assert len(await harness.messages()) == 1


async def test_nothing_new_is_not_posted_again(harness: FollowHarness) -> None:
    follower, timers = harness.process()
    await follower.begin(QUERY, ANA, "envelope-1")
    for _ in range(3):
        harness.clock.advance(timedelta(seconds=5))
        await timers.run_due()
    async with harness.store.engines.read.connect() as connection:
        assert len((await connection.execute(select(outbox))).all()) == 1


async def test_two_that_begin_at_once_leave_one(harness: FollowHarness) -> None:
    follower, _ = harness.process()
    await asyncio.gather(*(follower.begin(QUERY, ANA, f"envelope-{number}") for number in range(4)))
    followed = [each for each in await harness.messages() if isinstance(each, LogFollow)]
    assert sum(not each.is_over for each in followed) == 1
