"""Killed while a message is on its way: Slack has it, the bot does not know. Nothing is said twice, nothing is missing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sandbox.slack import LocalSlack, RunningSlack
from tests.harness.crash import PATIENCE, Scenario, Stage, finish, play, set_up
from tests.harness.crash_databases import Databases

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


async def kill_at_every_post(stage: Stage) -> None:
    """Let Slack take each new message without an answer, and kill the bot while it waits for one."""
    for _ in range(POSTS):
        await stage.slack.client.faults.hangs_delivered("chat.postMessage")
        while await stage.slack.client.faults.pending():
            await asyncio.sleep(0.05)
        bot = stage.bots[-1]
        bot.kill()
        await bot.wait()


async def test_killed_while_each_message_is_on_its_way(slack: RunningSlack, fresh: Databases) -> None:
    async with set_up(slack, *fresh.take("undisturbed")) as stage:
        await play(stage, ROLLBACK)
        expected = await stage.ending()
    async with set_up(slack, *fresh.take("killed")) as stage:
        await stage.start_bot()
        await slack.client.wait_for_bot(within=PATIENCE)
        async with asyncio.TaskGroup() as at_once:
            at_once.create_task(kill_at_every_post(stage))
            await slack.client.command("ana", ROLLBACK.command, channel=stage.channel)
            deaths = await finish(stage, approved=True)
        assert deaths == POSTS
        assert await stage.ending() == expected
