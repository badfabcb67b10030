"""A hundred and fifty operations that wait for one lock leave the database to others."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from domain.operations.operation import OperationRecord, State
from storage.timers import Timer
from tests.harness.database_writes import writes_per_second
from tests.harness.databases import BOTH, postgres, postgres_url
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.rights import MAIN, free_lock
from tests.harness.samples.team import RAY

__all__ = ["postgres", "postgres_url"]

WAITING = 150
MAX_WRITES_PER_SECOND = 2.0
MAX_LATENCY_SECONDS = 1.0
QUEUEING_SECONDS = 180.0
"""How long a test is patient with a hundred and fifty operations on a busy machine. No test is about this time."""


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else ""


@pytest.fixture
async def queued(database: str, tmp_path: Path) -> AsyncIterator[tuple[OperationsHarness, str, list[OperationRecord]]]:
    async with open_operations_harness(tmp_path, database) as harness:
        yield harness, database or f"sqlite:///{tmp_path / 'deepecho.sqlite'}", await queue(harness)


async def queue(harness: OperationsHarness) -> list[OperationRecord]:
    """Restarts in staging that all wait for the same lock."""
    async with harness.store.write() as tx:
        await tx.locks.lock_services("op-other", "staging", (MAIN,), RAY.person, harness.clock.now())
    plan = await harness.planner.restart("staging", MAIN)
    records = [await harness.operations.start(plan, source=f"k{number}", by=RAY, channel="C1") for number in range(WAITING)]
    return [await harness.wait_until(each.id, lambda one: "op-other" in one.progress[0].detail) for each in records]


async def latency(harness: OperationsHarness) -> float:
    """Seconds for a transaction of somebody who does not wait, of nine in ten.

    A pause of the machine meets one or two of thirty; operations that kept others from writing would meet all.
    """
    taken: list[float] = []
    for number in range(30):
        started, at = time.monotonic(), harness.clock.now()
        async with harness.store.write() as tx:
            await tx.timers.set(Timer(f"probe/{number}", "probe", "probe", at))
        taken.append(time.monotonic() - started)
    return sorted(taken)[26]


async def test_they_are_silent_while_they_wait(queued: tuple[OperationsHarness, str, list[OperationRecord]]) -> None:
    harness, database, records = queued
    async with asyncio.timeout(QUEUEING_SECONDS):
        # What the queueing itself wrote ends, and PostgreSQL's backends report it late. Polling would never fall silent.
        while await writes_per_second(database, 7) >= MAX_WRITES_PER_SECOND:  # 7 s: longer than LOCK_POLL_INTERVAL
            pass
    assert await latency(harness) < MAX_LATENCY_SECONDS
    await free_lock(harness)
    async with asyncio.timeout(QUEUEING_SECONDS):
        while (first := await harness.operations.find(records[0].id)).progress[0].detail and not first.state.final:
            await asyncio.sleep(0.1)
    assert first.state in (State.RUNNING, State.SUCCEEDED, State.DRIFTED)
    assert await latency(harness) < MAX_LATENCY_SECONDS, "while they have their turns"


async def test_a_clock_that_jumps_forward_ends_no_wait(harness: OperationsHarness) -> None:
    async with harness.store.write() as tx:
        await tx.locks.lock_services("op-other", "staging", (MAIN,), RAY.person, harness.clock.now())
    record = await harness.start_plan(await harness.planner.restart("staging", MAIN), by=RAY)
    await harness.wait_until(record.id, lambda one: "op-other" in one.progress[0].detail)
    harness.clock.jump(timedelta(hours=2))
    await free_lock(harness)
    assert (await harness.wait_ended(record.id)).state is State.SUCCEEDED
