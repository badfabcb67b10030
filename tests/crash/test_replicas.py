"""Two replicas on PostgreSQL: the survivor finishes what the dead one began, and one that was declared dead acts no more."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from runbooks.engine.engine import PROCEDURES_VERSION
from runbooks.engine.lease import LEASE_LOST_EXIT_CODE
from sandbox.slack import LocalSlack, RunningSlack
from tests.harness.crash import (
    RUN_TIMEOUT,
    CrashHarness,
    FinalState,
    Scenario,
    open_crash_harness,
    run_scenario,
    start_connected,
    wait_finished,
)
from tests.harness.crash_databases import FreshDatabases

ROLLBACK = Scenario("rollback", '/deepecho rollback production abc1234 main --reason "errors"', approved=True)
CHANGE, WATCH = "change deep-echo-main", "watch deep-echo-main"

pytestmark = [
    pytest.mark.crash,
    # A client that was killed leaves its half of a connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running


async def run_undisturbed(slack: RunningSlack, databases: FreshDatabases) -> FinalState:
    async with open_crash_harness(slack, *databases.take("undisturbed")) as harness:
        await run_scenario(harness, ROLLBACK)
        return await harness.final_state()


async def wait_until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(RUN_TIMEOUT):
        while not holds():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
@pytest.mark.parametrize("point", [f"{CHANGE}/done", f"{WATCH}/before", f"{WATCH}/recorded", "end/done"])
async def test_the_survivor_finishes_what_the_dead_one_began(point: str, slack: RunningSlack, databases: FreshDatabases) -> None:
    expected = await run_undisturbed(slack, databases)
    async with open_crash_harness(slack, *databases.take("killed")) as harness:
        first = await start_connected(harness, point)
        await slack.client.command("ana", ROLLBACK.command, channel=harness.channel)
        await start_connected(harness, connections=2)
        await wait_finished(harness, approved=True)
        assert await first.wait() < 0
        assert await harness.final_state() == expected


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
@pytest.mark.parametrize("point", [f"{CHANGE}/before", f"{CHANGE}/done", f"{WATCH}/recorded"])
async def test_a_replica_stopped_past_its_lease_and_continued_does_nothing_more(
    point: str, slack: RunningSlack, databases: FreshDatabases
) -> None:
    expected = await run_undisturbed(slack, databases)
    async with open_crash_harness(slack, *databases.take("stopped")) as harness:
        stopped = await start_connected(harness, DEEPECHO_TEST_STOP_AT=point)
        await slack.client.command("ana", ROLLBACK.command, channel=harness.channel)
        await asyncio.wait_for(_approved(harness), RUN_TIMEOUT)
        await wait_until(lambda: point in harness.trace.read_text().splitlines())
        await start_connected(harness, connections=2)
        await wait_finished(harness, approved=False)
        assert await harness.final_state() == expected
        calls = len(await slack.client.api_calls("chat.postMessage"))
        stopped.send_signal(18)
        assert await asyncio.wait_for(stopped.wait(), RUN_TIMEOUT) == LEASE_LOST_EXIT_CODE
        assert await harness.final_state() == expected
        assert len(await slack.client.api_calls("chat.postMessage")) == calls


@pytest.mark.parametrize("databases", ["postgres", "sqlite"], indirect=True)
async def test_an_upgrade_in_the_middle_of_an_approval_ends_with_a_person(slack: RunningSlack, databases: FreshDatabases) -> None:
    async with open_crash_harness(slack, *databases.take("upgraded")) as harness:
        old = await start_connected(harness)
        await slack.client.command("ana", ROLLBACK.command, channel=harness.channel)
        card = await slack.client.wait_for_message(lambda message: "Approve" in message.buttons, channel=harness.channel)
        before = harness.main()["spec"]
        old.terminate()
        assert await old.wait() == 0
        await harness.start_bot(DEEPECHO_TEST_PROCEDURES=str(PROCEDURES_VERSION + 1))
        await wait_finished(harness, approved=False)
        ending = await harness.final_state()
        assert (ending.state, ending.locks, ending.cards) == ("needs_person", 0, 1)
        assert "A person must decide" in ending.replies[-1]
        assert harness.main()["spec"] == before
        (card,) = await slack.client.messages(harness.channel)
        assert "Approve" not in card.buttons


async def _approved(harness: CrashHarness) -> None:
    card = await harness.slack.client.wait_for_message(lambda message: "Approve" in message.buttons, channel=harness.channel)
    await harness.slack.client.press("mia", card, "Approve")
