"""Slack misbehaves: every row ends delivered once or superseded, threads in order, nothing twice.

Waits are a fiftieth of the product's (``workers.FACTOR``), but for Slack's own Retry-After, which knows whole seconds only.
"""

import asyncio
import itertools
import random
from collections import Counter

import pytest

from sandbox.slack.local import RunningSlack
from storage.store import Store
from tests.harness.outbox_worker import card, counts, enqueue, outbox_note, reply, run_worker, wait_all_settled, wait_for_calls

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEFORE = ["429", "500", "503", "timeout_before"]
AFTER = ["timeout_after", "drop_after", "500_after"]
"""The message is there though its sender does not know."""
SERVER_ERRORS = [f"ok_false:{code}" for code in ("internal_error", "fatal_error", "service_unavailable", "request_timeout")]
KINDS = [*BEFORE, *AFTER, *SERVER_ERRORS]
BATCHES = [pytest.param(BEFORE + AFTER, id="connection"), pytest.param(SERVER_ERRORS, id="words")]
"""Kinds of faults that are tried at the same time, each in a channel and with an operation of its own."""


def fault_scenarios(slack: RunningSlack, kinds: list[str]) -> list[tuple[str, str, str]]:
    """(kind, stream, channel id) for each kind; the streams are named after the kinds, so that a failure tells which."""
    return [(kind, f"op-{kind}", channel) for kind, channel in zip(kinds, slack.channels.values(), strict=False)]


async def enqueue_operation(store: Store, stream: str, channel: str, replies: int = 3) -> None:
    """A card that is asked, edited, and answered: what one operation puts into the outbox, step by step."""
    await enqueue(store, card("asked", stream=stream, channel=channel))
    for number in range(replies):
        await enqueue(
            store,
            reply(number, f"{stream} did {number}", stream=stream, channel=channel),
            card(f"step {number}", stream=stream, channel=channel),
        )
        await asyncio.sleep(0.03)
    await enqueue(store, card(f"{stream} ended", stream=stream, channel=channel))


async def assert_delivered_once(slack: RunningSlack, stream: str, channel: str, replies: int = 3) -> None:
    """One card with the last fact, each reply once, in order."""
    everything = await slack.client.all_messages(channel)
    mine = [message for message in everything if (message.metadata or {})["event_payload"]["key"].startswith(f"{stream}/")]
    assert [each.text for each in mine if not each.is_reply] == [f"{stream} ended"]
    assert [each.text for each in mine if each.is_reply] == [f"{stream} did {number}" for number in range(replies)]


async def assert_nothing_failed(store: Store) -> None:
    ended = await counts(store)
    assert set(ended) <= {"delivered", "superseded"}, ended


@pytest.mark.parametrize("kinds", BATCHES)
async def test_faults_while_posting(store: Store, slack: RunningSlack, kinds: list[str]) -> None:
    for kind, _, channel in fault_scenarios(slack, kinds):
        await slack.client.faults.add("chat.postMessage", kind, times=2, channel=channel)
    async with run_worker(store, slack):
        await asyncio.gather(*(enqueue_operation(store, stream, channel) for _, stream, channel in fault_scenarios(slack, kinds)))
        await wait_all_settled(store)
    posts = await slack.client.api_calls("chat.postMessage")
    for kind, stream, channel in fault_scenarios(slack, kinds):
        await assert_delivered_once(slack, stream, channel)
        there = [call["delivered"] for call in posts if call["channel"] == channel]
        assert (sum(there), len(there)) == (4, 4 if kind in AFTER else 6), kind
    await assert_nothing_failed(store)


@pytest.mark.parametrize("kinds", BATCHES)
async def test_faults_while_editing(store: Store, slack: RunningSlack, kinds: list[str]) -> None:
    async with run_worker(store, slack):
        for kind, stream, channel in fault_scenarios(slack, kinds):
            await slack.client.faults.add("chat.update", kind, times=2, channel=channel)
            await enqueue(store, card("asked", stream=stream, channel=channel))
        await wait_all_settled(store)
        await asyncio.gather(*(enqueue_operation(store, stream, channel) for _, stream, channel in fault_scenarios(slack, kinds)))
        await wait_all_settled(store)
    assert await slack.client.faults.pending() == []
    for _, stream, channel in fault_scenarios(slack, kinds):
        await assert_delivered_once(slack, stream, channel)
    await assert_nothing_failed(store)


@pytest.mark.parametrize("kinds", BATCHES)
async def test_faults_while_looking_for_what_may_have_arrived(store: Store, slack: RunningSlack, kinds: list[str]) -> None:
    for kind, _, channel in fault_scenarios(slack, kinds):
        for method in ("conversations.history", "conversations.replies"):
            await slack.client.faults.add(method, kind, channel=channel)
        await slack.client.faults.add("chat.postMessage", "drop_after", times=2, channel=channel)
    async with run_worker(store, slack):
        for _, stream, channel in fault_scenarios(slack, kinds):
            first = card(f"{stream} ended", stream=stream, channel=channel)
            await enqueue(store, first, reply(0, f"{stream} did 0", stream=stream, channel=channel))
        await wait_all_settled(store)
    assert await slack.client.faults.pending() == []
    for _, stream, channel in fault_scenarios(slack, kinds):
        await assert_delivered_once(slack, stream, channel, replies=1)
    assert len(await slack.client.api_calls("chat.postMessage")) == 2 * len(kinds)


async def test_retry_after_holds_the_channel_and_nothing_else(store: Store, slack: RunningSlack) -> None:
    await slack.client.faults.rate_limit("chat.postMessage", retry_after=1)
    async with run_worker(store, slack):
        await enqueue(store, card("first", stream="op-a"))
        await wait_for_calls(slack, "chat.postMessage")
        await enqueue(store, card("same channel", stream="op-b"), card("elsewhere", stream="op-c", channel="C0OPS00008"))
        await wait_all_settled(store)
    refused, *later = await slack.client.api_calls("chat.postMessage")
    waited = {call["args"]["text"]: call["time"] - refused["time"] for call in later}
    assert waited["elsewhere"] < 0.9
    assert 1.0 <= waited["first"] < 2
    assert 1.0 <= waited["same channel"] < 2


async def test_retry_after_on_an_edit_holds_edits_and_not_posts(store: Store, slack: RunningSlack) -> None:
    async with run_worker(store, slack):
        await enqueue(store, card("asked", stream="op-a"))
        await wait_all_settled(store)
        await slack.client.faults.rate_limit("chat.update", retry_after=1)
        await enqueue(store, card("changed", stream="op-a"))
        await wait_for_calls(slack, "chat.update")
        await enqueue(store, card("new", stream="op-b"))
        await wait_all_settled(store)
    refused, repeated = await slack.client.api_calls("chat.update")
    assert 1.0 <= repeated["time"] - refused["time"] < 2
    assert (await slack.client.api_calls("chat.postMessage"))[-1]["time"] - refused["time"] < 0.9


async def test_a_newer_picture_is_not_kept_waiting_by_an_edit_that_failed(store: Store, slack: RunningSlack) -> None:
    async with run_worker(store, slack):
        await enqueue(store, card("asked"))
        await wait_all_settled(store)
        await slack.client.faults.hang_before_delivery("chat.update")
        await enqueue(store, card("old news"))
        await wait_for_calls(slack, "chat.update")
        await enqueue(store, card("news"))
        await wait_all_settled(store)
    assert [call["args"]["text"] for call in await slack.client.api_calls("chat.update")] == ["old news", "news"]
    assert await counts(store) == {"delivered": 2, "superseded": 1}


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal", "files.info"])
async def test_faults_at_a_stage_of_a_file(store: Store, slack: RunningSlack, method: str) -> None:
    """Six files at once, six kinds of faults: each file is there once, under its message."""
    kinds = ["429", "500", "timeout_before", *AFTER]
    if method == "files.info":  # asked only after an earlier stage broke
        await slack.client.faults.drop_after_delivery("files.completeUploadExternal", times=len(kinds))
    for kind in kinds:
        await slack.client.faults.add(method, kind)
    streams = [f"op-{number}" for number in range(len(kinds))]
    for stream in streams:
        log = outbox_note("t/0", f"{stream} did 0", stream=stream, parent="card", lines=("one", "two"))
        await enqueue(store, card(f"{stream} ended", stream=stream), log, reply(1, f"{stream} did 1", stream=stream))
    async with run_worker(store, slack):
        await wait_all_settled(store)
    assert await slack.client.faults.pending() == []
    await assert_nothing_failed(store)
    files: list[tuple[str, str | None]] = []
    for message in await slack.client.all_messages("deploys"):
        files += [(file["name"], message.thread_ts) for file in message.files]
    cards = {message.text: message.ts for message in await slack.client.messages("deploys")}
    assert sorted(files) == [(f"{stream}-t-0.txt", cards[f"{stream} ended"]) for stream in streams]


async def test_two_replicas_through_a_storm_of_faults(store: Store, slack: RunningSlack) -> None:
    """Six operations at once, two workers on one database, every fault in turn: each story is told once and in order."""
    chance = random.Random(7)  # noqa: S311 -- the same storm each time
    for method, kind in itertools.product(("chat.postMessage", "chat.update", "conversations.replies"), KINDS):
        await slack.client.faults.add(method, kind, times=chance.randint(1, 2))
    streams = [f"op-{number}" for number in range(6)]
    deploys = slack.channels["deploys"]
    async with run_worker(store, slack, replica="replica-1"), run_worker(store, slack, replica="replica-2"):
        await asyncio.gather(*(enqueue_operation(store, stream, deploys) for stream in streams))
        await wait_all_settled(store, within=45)
    for stream in streams:
        await assert_delivered_once(slack, stream, deploys)
    await assert_nothing_failed(store)
    posts = await slack.client.api_calls("chat.postMessage")
    arrived = Counter(call["args"]["metadata"]["event_payload"]["key"] for call in posts if call["delivered"])
    assert set(arrived.values()) == {1}
