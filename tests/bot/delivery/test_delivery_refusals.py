"""Slack says no: what can still be said is said elsewhere or otherwise, and what cannot ends as failed and is shown."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.views.markup.message import Message
from sandbox.slack.local import RunningSlack
from sandbox.slack.message_views import MessageView
from sandbox.slack.observer import wait_for
from storage.store import Store
from tests.harness.outbox_worker import (
    RunningWorker,
    card,
    counts,
    enqueue,
    outbox_note,
    render_note,
    reply,
    run_worker,
    wait_all_settled,
    wait_for_calls,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


class LeaseLost(BaseException):
    """As the process ends itself when it may not go on."""


async def failures(store: Store) -> dict[str, str]:
    """Key to reason of what failed."""
    async with store.read() as tx:
        return {each.key: each.error for each in await tx.outbox.failed_messages(since=datetime.now(UTC) - timedelta(hours=1))}


async def test_a_public_channel_that_the_bot_left_is_joined(store: Store, slack: RunningSlack) -> None:
    async with run_worker(store, slack) as at_work:
        await at_work.api.web.api_call("conversations.leave", json={"channel": slack.channels["deploys"]})
        await enqueue(store, card("asked"))
        await wait_all_settled(store)
    assert [message.text for message in await slack.client.messages("deploys")] == ["asked"]


async def test_where_the_channel_is_archived_the_rest_goes_to_the_fallback_channel(store: Store, slack: RunningSlack) -> None:
    """A card that was posted already is posted anew there, and its thread goes on under the new one."""
    async with run_worker(store, slack, fallback=lambda _: slack.channels["ops"]) as at_work:
        await enqueue(store, card("asked"), reply(1, "approved"))
        await wait_all_settled(store)
        await at_work.api.web.api_call("conversations.archive", json={"channel": slack.channels["deploys"]})
        await enqueue(store, reply(2, "half done"), card("ended"), reply(3, "done"))
        await wait_all_settled(store)
    [message] = await slack.client.messages("ops")
    assert message.text == "ended"
    assert [each.text for each in await slack.client.thread("ops", message.ts)] == ["half done", "done"]
    assert await counts(store) == {"delivered": 5}


async def test_a_reply_whose_card_stayed_behind_is_said_beside_it(store: Store, slack: RunningSlack) -> None:
    async with run_worker(store, slack, fallback=lambda _: slack.channels["ops"]) as at_work:
        await enqueue(store, card("asked"))
        await wait_all_settled(store)
        await at_work.api.web.api_call("conversations.archive", json={"channel": slack.channels["deploys"]})
        await enqueue(store, reply(1, "done"))
        await wait_all_settled(store)
    assert [message.text for message in await slack.client.messages("ops")] == ["done"]


@pytest.mark.parametrize("code", ["channel_not_found", "not_in_channel", "is_archived", "restricted_action"])
async def test_without_a_fallback_it_fails_and_its_replies_say_why(store: Store, slack: RunningSlack, code: str) -> None:
    await slack.client.faults.refuse("conversations.join", "method_not_supported_for_channel_type")
    await slack.client.faults.add("chat.postMessage", f"ok_false:{code}", channel=slack.channels["deploys"])
    async with run_worker(store, slack):
        await enqueue(store, card("asked"), reply(1, "approved"), card("other", stream="op-b", channel=slack.channels["ops"]))
        await wait_all_settled(store)
    why = await failures(store)
    assert why.keys() == {"op-a/card", "op-a/t/1"}
    assert all(f"({code})" in reason for reason in why.values())
    assert await slack.client.messages("deploys") == []
    assert [message.text for message in await slack.client.messages("ops")] == ["other"]


async def test_a_fallback_that_cannot_be_used_either_is_not_tried_for_ever(store: Store, slack: RunningSlack) -> None:
    await slack.client.faults.refuse("chat.postMessage", "is_archived", times=9)
    async with run_worker(store, slack, fallback=lambda _: slack.channels["ops"]):
        await enqueue(store, card("asked"))
        await wait_all_settled(store)
    assert [call["channel"] for call in await slack.client.api_calls("chat.postMessage")] == ["C0DEPLOYS1", "C0OPS00008"]
    assert await counts(store) == {"failed": 1}


async def test_a_card_that_somebody_deleted_is_posted_anew_and_its_thread_goes_on_there(
    store: Store, slack: RunningSlack
) -> None:
    async with run_worker(store, slack) as at_work:
        await enqueue(store, card("asked"), reply(1, "approved"))
        await wait_all_settled(store)
        await _delete_cards(at_work, slack)
        await enqueue(store, card("ended"), reply(2, "done"))
        await wait_all_settled(store)
    [message] = await _cards(slack)
    assert message.text == "ended"
    assert [each.text for each in await slack.client.thread("deploys", message.ts)] == ["done"]
    assert await failures(store) == {}


async def test_a_reply_to_a_deleted_card_brings_the_card_back(store: Store, slack: RunningSlack) -> None:
    """Nothing on the card has changed, so nothing but the reply finds out that it is gone."""
    async with run_worker(store, slack) as at_work:
        await enqueue(store, card("asked"))
        await wait_all_settled(store)
        await _delete_cards(at_work, slack)
        await enqueue(store, reply(1, "half done"), reply(2, "done"))
        await wait_all_settled(store)
    [message] = await _cards(slack)
    assert message.text == "asked"
    assert [each.text for each in await slack.client.thread("deploys", message.ts)] == ["half done", "done"]


async def test_a_card_that_is_no_longer_the_bots_is_posted_anew(store: Store, slack: RunningSlack) -> None:
    """As after the app was installed anew, with another bot user."""
    async with run_worker(store, slack):
        await enqueue(store, card("asked"))
        await wait_all_settled(store)
        await slack.client.faults.refuse("chat.update", "cant_update_message")
        await enqueue(store, card("ended"), reply(1, "done"))
        await wait_all_settled(store)
    old, new = await _cards(slack)
    assert (old.text, new.text) == ("asked", "ended")
    assert [each.text for each in await slack.client.thread("deploys", new.ts)] == ["done"]


async def test_a_thread_that_slack_does_not_find_goes_on_under_a_new_card(store: Store, slack: RunningSlack) -> None:
    async with run_worker(store, slack):
        await enqueue(store, card("asked"))
        await wait_all_settled(store)
        await slack.client.faults.refuse("chat.postMessage", "thread_not_found", times=1)
        await enqueue(store, reply(1, "done"))
        await wait_all_settled(store)
    old, new = await _cards(slack)
    assert (old.text, new.text) == ("asked", "asked")
    assert [each.text for each in await slack.client.thread("deploys", new.ts)] == ["done"]
    assert await counts(store) == {"delivered": 3}


async def _cards(slack: RunningSlack) -> list[MessageView]:
    return [message for message in await slack.client.messages("deploys") if not message.is_reply]


async def _delete_cards(at_work: RunningWorker, slack: RunningSlack) -> None:
    for message in await _cards(slack):
        await at_work.api.web.api_call("chat.delete", json={"channel": message.channel, "ts": message.ts})


async def test_a_layout_that_slack_does_not_take_is_said_in_words(store: Store, slack: RunningSlack) -> None:
    def too_much(fact: Any) -> Message:
        texts = [f"{fact.text}: part {number}" for number in range(60)]
        buttons = {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Approve"}}]}
        return Message(fact.text, (*({"type": "section", "text": {"type": "mrkdwn", "text": each}} for each in texts), buttons))

    async with run_worker(store, slack, render=too_much):
        await enqueue(store, card("asked"))
        await wait_all_settled(store)
        await enqueue(store, card("ended"))
        await wait_all_settled(store)
    [message] = await slack.client.messages("deploys")
    assert message.text.startswith("ended\nended: part 0\nended: part 1\n")
    assert "Approve" not in message.text
    assert (message.blocks, message.edits) == ((), 1)


async def test_a_fact_that_cannot_be_shown_fails_alone(store: Store, slack: RunningSlack) -> None:
    def cannot(fact: Any) -> Message:
        if fact.text == "poison":
            raise ZeroDivisionError
        return render_note(fact)

    async with run_worker(store, slack, render=cannot):
        await enqueue(store, card("poison"), reply(1, "never"), card("well", stream="op-b"))
        await slack.client.wait_for_message(lambda message: message.text == "well")
        await wait_all_settled(store)
    assert await failures(store) == {
        "op-a/card": "An error in the program: ZeroDivisionError.",
        "op-a/t/1": "its parent failed: An error in the program: ZeroDivisionError.",
    }


@pytest.mark.parametrize("code", ["token_revoked", "account_inactive", "missing_scope", "invalid_auth"])
async def test_trouble_with_the_bots_own_account_drops_nothing_and_is_told(store: Store, slack: RunningSlack, code: str) -> None:
    """The product asks again after a minute; here after 1.2 s."""
    await slack.client.faults.refuse("chat.postMessage", code, times=2)
    async with run_worker(store, slack) as at_work:
        await enqueue(store, card("first"), card("second", stream="op-b"))
        await wait_for_calls(slack, "chat.postMessage", 2)

        async def told() -> bool | None:
            return f"({code})" in at_work.delivery.blocking_error or None

        await wait_for(told)
        await wait_all_settled(store)
        assert at_work.delivery.blocking_error == ""
    assert sorted(message.text for message in await slack.client.messages("deploys")) == ["first", "second"]


async def test_a_message_does_not_wait_for_a_file_that_may_not_be_sent(store: Store, slack: RunningSlack) -> None:
    await slack.client.faults.refuse("files.getUploadURLExternal", "missing_scope")
    async with run_worker(store, slack):
        await enqueue(store, card("asked"), outbox_note("t/1", "the log", parent="card", lines=("one",)), reply(2, "after"))
        await wait_all_settled(store)
    [message] = await slack.client.messages("deploys")
    assert [each.text for each in await slack.client.thread("deploys", message.ts)] == ["the log", "after"]
    assert (await failures(store)).keys() == {"op-a/t/1"}


async def test_who_may_not_go_on_sends_nothing_and_ends(store: Store, slack: RunningSlack) -> None:
    def dead() -> None:
        raise LeaseLost

    await enqueue(store, card("asked"))
    with pytest.raises(BaseExceptionGroup) as ended:
        async with run_worker(store, slack, check_lease=dead) as at_work:
            await asyncio.wait([at_work.running])
    assert ended.group_contains(LeaseLost)
    assert await slack.client.api_calls("chat.postMessage") == []
    assert await counts(store) == {"sending": 1}
