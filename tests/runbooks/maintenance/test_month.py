"""A month of windows with moved time: each announcement once, late rather than never, of the right day."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from domain.health import HealthLine
from domain.maintenance.window import MaintenanceWindow, WindowState
from domain.wall_clock import instant_of, wall_clock
from storage.engines import open_engines
from storage.maintenance import WINDOW_NOTE
from storage.store import Store
from storage.tables.core import outbox, timers
from storage.timers import TIMER_CLAIM_TIMEOUT
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.fakes.clock import StoppedClock
from tests.harness.maintenance import MaintenanceReplica

BEGIN, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
# Clocks skip 02:30 on 4 October in Sydney, and show it twice on 25 October in Berlin.
ZONES = {"development": ("Australia/Sydney", 4), "staging": ("Europe/Berlin", 3)}
OUTAGE = (datetime(2026, 10, 12, 23, tzinfo=UTC), datetime(2026, 10, 13, 3, tzinfo=UTC))
"""Four hours, in which Berlin's window of the 13th begins and ends."""
RESTARTS = 200
ALL_NOTES = ["in-24h", "in-1h", "begun", "overrun", "escalated", "over", "report"]


class KilledError(BaseException):
    """The process ends while it measures."""


@dataclass
class MortalReplica(MaintenanceReplica):
    """Dies in its next measurement where the list has a life left to take."""

    kills: list[int] = field(default_factory=list)

    async def measure(self, environment: str) -> tuple[HealthLine, ...]:
        if self.kills:
            self.kills.pop()
            raise KilledError
        return await super().measure(environment)


@dataclass
class Month:
    """Replicas that share a database and a clock."""

    stores: tuple[Store, ...]
    clock: StoppedClock
    kills: list[int] = field(default_factory=list)
    restarts: int = 0
    killed: int = 0
    running: list[MortalReplica] = field(default_factory=list)

    def restart(self, number: int) -> None:
        self.restarts += 1
        alertmanager = MemoryAlertmanager(self.clock)
        name = f"replica-{number}-{self.restarts}"
        self.running[number] = MortalReplica(self.stores[number], self.clock, alertmanager, replica=name, kills=self.kills)

    async def tick(self) -> None:
        """Every replica does what is due, at once; who is killed is started again."""
        ended = await asyncio.gather(*(each.tick() for each in self.running), return_exceptions=True)
        for number, error in enumerate(ended):
            if isinstance(error, KilledError):
                self.killed += 1
                self.restart(number)
            elif error is not None:
                raise error

    async def next_due(self) -> datetime:
        """When something is due next, claims that a dead process left included; not within the outage."""
        async with self.stores[0].engines.read.connect() as connection:
            due = (await connection.execute(select(func.min(timers.c.due_at)))).scalar_one_or_none() or END
        now = self.clock.now()
        at = now + TIMER_CLAIM_TIMEOUT + timedelta(seconds=1) if due <= now else due
        return OUTAGE[1] if OUTAGE[0] <= at < OUTAGE[1] else at

    async def notes(self) -> dict[str, list[tuple[str, datetime]]]:
        """By window, what its thread got and when."""
        found: dict[str, list[tuple[str, datetime]]] = {}
        columns = (outbox.c.fact, outbox.c.created_at)
        async with self.stores[0].engines.read.connect() as connection:
            rows = await connection.execute(select(*columns).where(outbox.c.kind == WINDOW_NOTE.name).order_by(outbox.c.id))
            for text, at in rows:
                note = WINDOW_NOTE.load(text)
                found.setdefault(note.window_id, []).append((note.key.rpartition("-")[0] or note.key, at))
        return found


@pytest.fixture
async def month(postgres_url: str) -> AsyncIterator[Month]:
    stores = tuple(Store(open_engines(postgres_url)) for _ in range(3))
    opened = Month(stores, StoppedClock(BEGIN))
    opened.running = [MortalReplica(each, opened.clock, MemoryAlertmanager(opened.clock)) for each in stores]
    for number in range(3):
        opened.restart(number)
    yield opened
    for each in stores:
        await each.close()


async def plan(month: Month) -> dict[str, MaintenanceWindow]:
    """Windows of an hour at 02:30 of the wall clock, every third day, among them those of both changes."""
    planned = {}
    for environment, (zone, first) in ZONES.items():
        for day in range(first, 31, 3 if environment == "development" else 2):
            at = instant_of(wall_clock(date(2026, 10, day), 150), ZoneInfo(zone))
            replica = replace(month.running[0], environment=environment)
            window = await replica.plan(f"{environment}-{day}", scope="", starts_in=at - BEGIN)
            planned[window.id] = window
    return planned


def expected(window: MaintenanceWindow) -> dict[str, datetime]:
    begin, end = window.starts_at, window.ends_at
    times = (begin - timedelta(hours=24), begin - timedelta(hours=1), begin, end, end + timedelta(minutes=15))
    return dict(zip(ALL_NOTES, (*times, window.frozen_until), strict=False))


@pytest.mark.postgres
async def test_a_month_of_windows_with_restarts_and_an_outage(month: Month) -> None:
    planned = await plan(month)
    step = 0
    while month.clock.now() < END:
        month.restart(step % 3)
        month.restart((step + 1) % 3)
        if step % 5 == 0:
            month.kills.append(1)
        await month.tick()
        month.clock.advance(await month.next_due() - month.clock.now())
        step += 1
    notes = await month.notes()
    in_outage = 0
    for window in planned.values():
        told = dict(notes[window.id])
        assert len(told) == len(notes[window.id]), "something was said twice"
        ended = await month.running[0].find(window)
        assert (ended.state, ended.over_at) == (WindowState.ENDED, window.frozen_until)
        if OUTAGE[0] <= window.starts_at < OUTAGE[1]:
            in_outage += 1
            assert (list(told), told["over"]) == (["in-24h", "over", "report"], OUTAGE[1])
            continue
        assert list(told) == ALL_NOTES
        assert {key: told[key] for key in expected(window)} == expected(window)
    assert (in_outage, month.restarts >= RESTARTS, month.killed > 10) == (1, True, True)
    skipped, doubled = (next(each for each in planned.values() if each.source == key) for key in ("development-4", "staging-25"))
    assert skipped.starts_at == datetime(2026, 10, 3, 16, tzinfo=UTC)
    assert doubled.starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
