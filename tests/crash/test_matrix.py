"""Killed with SIGKILL at every point of every procedure, then started again: the same end as without.

Points are taken from a run that nothing disturbs, so that a new step is in the matrix by itself.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from sandbox.slack import LocalSlack, RunningSlack
from tests.harness.crash import FinalState, Scenario, open_crash_harness, run_scenario
from tests.harness.crash_databases import FreshDatabases

LANES = max(2, (os.cpu_count() or 2) - 1)
LEASE = "deep-echo-main has 5 pods instead of 3: campaign"
SCENARIOS = (
    Scenario("deploy", '/deepecho deploy production main-0ddba11 main --reason "new cache"', approved=True),
    Scenario("rollback", '/deepecho rollback production abc1234 main --reason "errors"', approved=True),
    Scenario("restart", '/deepecho restart production main --reason "leak"'),
    Scenario("scale", '/deepecho scale production main 5 --for 2h --reason "campaign"', leases=(LEASE,)),
)

pytestmark = [
    pytest.mark.crash,
    # A client that was killed leaves its half of a connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
async def slack_pool() -> AsyncIterator["asyncio.Queue[RunningSlack]"]:
    """One local Slack for each story that is told at the same time."""
    free: asyncio.Queue[RunningSlack] = asyncio.Queue()
    async with LocalSlack() as first, LocalSlack() as second:
        for slack in (first, second)[:LANES]:
            free.put_nowait(slack)
        yield free


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_crash_at_any_point_changes_nothing(
    scenario: Scenario, databases: FreshDatabases, slack_pool: "asyncio.Queue[RunningSlack]"
) -> None:
    async def tell(name: str, die_at: str = "") -> tuple[FinalState, int, list[str]]:
        slack = await slack_pool.get()
        try:
            folder, database = databases.take(name)
            async with open_crash_harness(slack, folder, database) as harness:
                deaths = await run_scenario(harness, scenario, die_at)
                return await harness.final_state(), deaths, harness.trace.read_text().splitlines()
        finally:
            slack_pool.put_nowait(slack)

    undisturbed, deaths, trace = await tell("undisturbed")
    assert (undisturbed.state, deaths, undisturbed.cards, undisturbed.locks) == ("succeeded", 0, 1, 0)
    assert undisturbed.leases == scenario.leases
    points = list(dict.fromkeys(point for point in trace if not point.endswith("/before")))
    assert len(points) >= 16, points

    async def same(number: int, point: str) -> str:
        ending, deaths, _ = await tell(f"point-{number}", point)
        if deaths != 1:
            return f"{point}: died {deaths} times"
        different = {
            name: (getattr(undisturbed, name), getattr(ending, name))
            for name in FinalState.__dataclass_fields__
            if getattr(undisturbed, name) != getattr(ending, name)
        }
        return f"{point}: {different}" if different else ""

    problems = [each for each in await asyncio.gather(*(same(*each) for each in enumerate(points))) if each]
    assert not problems, "\n".join(problems)
    assert replace(undisturbed, replies=()).chain == ""
