"""Killed while a message is on its way: Slack has it, the bot does not know. Nothing is said twice, nothing is missing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sandbox.slack import LocalSlack, RunningSlack
from tests.harness.crash import CrashHarness, Scenario, open_crash_harness, run_scenario, start_connected, wait_finished
from tests.harness.crash_databases import FreshDatabases

ROLLBACK = Scenario("rollback", '/deepecho rollback production abc1234 main --reason "errors"', approved=True)
POSTS = 4
"""The card, who asked, who approved, how it ended."""

pytestmark = [
    pytest.mark.crash,
    # A client that was killed leaves its half of a connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running


async def crash_at_every_post(harness: CrashHarness) -> None:
    """Let Slack take each new message without an answer, and kill the bot while it waits for one."""
    for _ in range(POSTS):
        await harness.slack.client.faults.hang_after_delivery("chat.postMessage")
        while await harness.slack.client.faults.pending():
            await asyncio.sleep(0.05)
        bot = harness.bots[-1]
        bot.kill()
        await bot.wait()


async def test_killed_while_each_message_is_on_its_way(slack: RunningSlack, databases: FreshDatabases) -> None:
    async with open_crash_harness(slack, *databases.take("undisturbed")) as harness:
        await run_scenario(harness, ROLLBACK)
        expected = await harness.final_state()
    async with open_crash_harness(slack, *databases.take("killed")) as harness:
        await start_connected(harness)
        async with asyncio.TaskGroup() as at_once:
            at_once.create_task(crash_at_every_post(harness))
            await slack.client.command("ana", ROLLBACK.command, channel=harness.channel)
            deaths = await wait_finished(harness, approved=True)
        assert deaths == POSTS
        assert await harness.final_state() == expected
