"""The whole bot while Slack drops sockets, repeats envelopes, limits and fails: one operation, one card, every word once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.slack import LocalSlack, RunningSlack, SeenMessage
from tests.harness.crash import PATIENCE, Ending, Scenario, Stage, finish, play, set_up
from tests.harness.crash_databases import Databases

ROLLBACK = Scenario("rollback", '/deepecho rollback production abc1234 main --reason "errors"', approved=True)


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running


@pytest.fixture
def databases(tmp_path: Path) -> Databases:
    return Databases(tmp_path, None)


async def begin(stage: Stage) -> None:
    await stage.start_bot()
    await stage.slack.client.wait_for_bot(within=PATIENCE)


async def ask(stage: Stage) -> None:
    await stage.slack.client.command("ana", ROLLBACK.command, channel=stage.channel)


async def offered(slack: RunningSlack, channel: str) -> SeenMessage:
    """The card, once it can be approved."""
    return await slack.client.wait_for_message(lambda message: "Approve" in message.buttons, PATIENCE, channel=channel)


async def told(slack: RunningSlack, databases: Databases) -> Ending:
    """How the story ends when Slack behaves."""
    async with set_up(slack, *databases.take("undisturbed")) as stage:
        await play(stage, ROLLBACK)
        return await stage.ending()


async def test_faults_of_every_kind_and_a_dropped_socket_in_mid_operation(slack: RunningSlack, databases: Databases) -> None:
    expected = await told(slack, databases)
    async with set_up(slack, *databases.take("disturbed")) as stage:
        await begin(stage)
        faults = slack.client.faults
        await faults.rate_limited("chat.postMessage", retry_after=1)
        await faults.unavailable("chat.postMessage")
        await faults.drops_delivered("chat.postMessage")
        await faults.rate_limited("chat.update", retry_after=1)
        await faults.drops_delivered("chat.update")
        await slack.client.sockets.repeat(1)
        await ask(stage)
        card = await offered(slack, stage.channel)
        await slack.client.sockets.drop()
        await slack.client.wait_for_bot(within=PATIENCE)
        await slack.client.sockets.repeat(1)
        await slack.client.press("mia", card, "Approve")
        await finish(stage, approved=False)
        assert await stage.ending() == expected


@pytest.mark.parametrize(
    ("who", "words"),
    [("ana", "another person"), ("ivo", "approver"), ("tom", "approver"), ("zoe", "Guests"), ("max", "Guests")],
    ids=["self", "viewer", "responder", "guest", "another workspace"],
)
async def test_the_wrong_person_clicks_and_is_told_so(who: str, words: str, slack: RunningSlack, databases: Databases) -> None:
    async with set_up(slack, *databases.take("refused")) as stage:
        stage.channel = "general"
        await begin(stage)
        await ask(stage)
        card = await offered(slack, "general")
        before = stage.main()["spec"]
        await slack.client.press(who, card, "Approve")
        refusal = await slack.client.wait_for_ephemeral(who, words, within=PATIENCE)
        assert "Nothing was changed" in refusal.words
        assert stage.main()["spec"] == before
        record = await stage.record()
        assert record is not None
        assert record.state.value == "waiting"
        async with stage.store.read() as tx:
            (entry, *_) = await tx.audit.search()
        assert (entry.entry.who.user_id, entry.entry.outcome[:7]) == (slack.names[who], "refused")


async def test_two_people_click_at_once_and_one_decides(slack: RunningSlack, databases: Databases) -> None:
    async with set_up(slack, *databases.take("two")) as stage:
        await begin(stage)
        await ask(stage)
        card = await offered(slack, stage.channel)
        await asyncio.gather(slack.client.press("mia", card, "Approve"), slack.client.press("sam", card, "Reject"))
        await finish(stage, approved=False)
        async with stage.store.read() as tx:
            log = [each.entry async for each in tx.audit.walk()]
        assert len([each for each in log if each.outcome.startswith("refused")]) == 1
        ending = await stage.ending()
        assert ending.state in ("succeeded", "rejected")
        assert ending.image.endswith(":main-abc1234") == (ending.state == "succeeded")
