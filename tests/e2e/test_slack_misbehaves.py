"""The whole bot while Slack drops sockets, repeats envelopes, limits and fails: one operation, one card, every word once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.slack import LocalSlack, MessageView, RunningSlack
from tests.harness.crash import RUN_TIMEOUT, CrashHarness, FinalState, Scenario, open_crash_harness, run_scenario, wait_finished
from tests.harness.crash_databases import FreshDatabases

ROLLBACK = Scenario("rollback", '/deepecho rollback production abc1234 main --reason "errors"', approved=True)


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running


@pytest.fixture
def databases(tmp_path: Path) -> FreshDatabases:
    return FreshDatabases(tmp_path, None)


async def type_command(harness: CrashHarness) -> None:
    await harness.start_bot()
    await harness.slack.client.wait_for_bot(within=RUN_TIMEOUT)


async def click_approve(harness: CrashHarness) -> None:
    await harness.slack.client.command("ana", ROLLBACK.command, channel=harness.channel)


async def wait_for_approval(slack: RunningSlack, channel: str) -> MessageView:
    """The card, once it can be approved."""
    return await slack.client.wait_for_message(lambda message: "Approve" in message.buttons, RUN_TIMEOUT, channel=channel)


async def expected_final_state(slack: RunningSlack, databases: FreshDatabases) -> FinalState:
    """How the story ends when Slack behaves."""
    async with open_crash_harness(slack, *databases.take("undisturbed")) as harness:
        await run_scenario(harness, ROLLBACK)
        return await harness.final_state()


async def test_faults_of_every_kind_and_a_dropped_socket_in_mid_operation(slack: RunningSlack, databases: FreshDatabases) -> None:
    expected = await expected_final_state(slack, databases)
    async with open_crash_harness(slack, *databases.take("disturbed")) as harness:
        await type_command(harness)
        faults = slack.client.faults
        await faults.rate_limit("chat.postMessage", retry_after=1)
        await faults.answer_unavailable("chat.postMessage")
        await faults.drop_after_delivery("chat.postMessage")
        await faults.rate_limit("chat.update", retry_after=1)
        await faults.drop_after_delivery("chat.update")
        await slack.client.sockets.repeat(1)
        await click_approve(harness)
        card = await wait_for_approval(slack, harness.channel)
        await slack.client.sockets.drop()
        await slack.client.wait_for_bot(within=RUN_TIMEOUT)
        await slack.client.sockets.repeat(1)
        await slack.client.press("mia", card, "Approve")
        await wait_finished(harness, approved=False)
        assert await harness.final_state() == expected


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("ana", "another person"),
        ("ivo", "approver"),
        ("tom", "approver"),
        ("zoe", "Guests"),
        ("max", "People of other workspaces"),
    ],
    ids=["self", "viewer", "responder", "guest", "another workspace"],
)
async def test_the_wrong_person_clicks_and_is_told_so(
    who: str, words: str, slack: RunningSlack, databases: FreshDatabases
) -> None:
    async with open_crash_harness(slack, *databases.take("refused")) as harness:
        harness.channel = "general"
        await type_command(harness)
        await click_approve(harness)
        card = await wait_for_approval(slack, "general")
        before = harness.main()["spec"]
        await slack.client.press(who, card, "Approve")
        refusal = await slack.client.wait_for_ephemeral(who, words, within=RUN_TIMEOUT)
        assert "Nothing was changed" in refusal.visible_text
        assert harness.main()["spec"] == before
        record = await harness.record()
        assert record is not None
        assert record.state.value == "waiting"
        async with harness.store.read() as tx:
            (entry, *_) = await tx.audit.search()
        assert (entry.entry.who.user_id, entry.entry.outcome[:7]) == (slack.names[who], "refused")


async def test_two_people_click_at_once_and_one_decides(slack: RunningSlack, databases: FreshDatabases) -> None:
    async with open_crash_harness(slack, *databases.take("two")) as harness:
        await type_command(harness)
        await click_approve(harness)
        card = await wait_for_approval(slack, harness.channel)
        await asyncio.gather(slack.client.press("mia", card, "Approve"), slack.client.press("sam", card, "Reject"))
        await wait_finished(harness, approved=False)
        async with harness.store.read() as tx:
            log = [each.entry async for each in tx.audit.walk()]
        assert len([each for each in log if each.outcome.startswith("refused")]) == 1
        ending = await harness.final_state()
        assert ending.state in ("succeeded", "rejected")
        assert ending.image.endswith(":main-abc1234") == (ending.state == "succeeded")
