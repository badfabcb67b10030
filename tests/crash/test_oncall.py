"""Killed before each statement of a handoff and of a taken pager: whoever comes next tells it, once."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.engines import open_engines
from storage.store import Store
from tests.harness.crash_databases import MAX_RUNS, FreshDatabases
from tests.harness.fakes.clock import StoppedClock
from tests.harness.oncall import CHANNEL, MONDAY, OncallHarness

pytestmark = pytest.mark.crash

HANDOFF = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
CLAIM_EXPIRED = timedelta(seconds=61)


def run_child(url: str, what: str, at: datetime, statement_number: int) -> bool:
    """Whether it was killed."""
    command = [sys.executable, "-m", "tests.harness.oncall_child", url, what, at.isoformat(), str(statement_number)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


async def told_after(url: str, at: datetime) -> list[str]:
    """Who was told in the end, by the next process, once the claims of the dead one have expired."""
    store = Store(open_engines(url))
    oncall = OncallHarness(store, clock=StoppedClock(at + CLAIM_EXPIRED), replica="next")
    for _ in range(2):
        await oncall.tick()
        oncall.clock.advance(CLAIM_EXPIRED)
    receivers = sorted(each.receiver for each in await oncall.told())
    await store.close()
    return receivers


async def prepare(url: str) -> None:
    store = Store(open_engines(url))
    await OncallHarness(store, replica="first").tick()
    await store.close()


async def test_a_handoff_is_told_once_wherever_the_process_dies(databases: FreshDatabases) -> None:
    deaths = 0
    for number in range(1, MAX_RUNS):
        _, url = databases.take(f"death-{number}")
        await prepare(url)
        was_killed = run_child(url, "tick", HANDOFF, number)
        assert await told_after(url, HANDOFF) == [CHANNEL, "ana", "ray"], f"killed before statement {number}"
        deaths += was_killed
        if not was_killed:
            break
    assert 10 < deaths < MAX_RUNS - 1


async def test_a_taken_pager_is_taken_and_told_or_neither(databases: FreshDatabases) -> None:
    outcomes = set()
    deaths = 0
    for number in range(1, MAX_RUNS):
        _, url = databases.take(f"death-{number}")
        await prepare(url)
        was_killed = run_child(url, "take", MONDAY, number)
        store = Store(open_engines(url))
        oncall = OncallHarness(store)
        taken = len((await oncall.service.roster("platform")).overrides)
        told = sorted(each.receiver for each in await oncall.told())
        await store.close()
        outcomes.add((taken, tuple(told)))
        deaths += was_killed
        if not was_killed:
            break
    assert outcomes == {(0, ()), (1, (CHANNEL, "lee", "ray"))}
    assert 10 < deaths < MAX_RUNS - 1
