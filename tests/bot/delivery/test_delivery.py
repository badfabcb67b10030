"""What reaches a channel through the outbox when all is well."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from domain.alerts.alerts import AlertNote
from domain.metrics.charts import Chart, Series
from sandbox.slack.local import RunningSlack
from storage.outbox import RateLimits
from storage.outbox_messages import ALERT_NOTE, Urgency
from storage.store import Store
from tests.harness.families import render
from tests.harness.outbox_worker import (
    PACE,
    RETRY_POLICY,
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


async def test_before_its_first_post_a_card_becomes_what_it_would_be_edited_to(store: Store, slack: RunningSlack) -> None:
    await enqueue(store, card("asked"), reply(1, "approved"), card("running"), reply(2, "done"), card("ended"))
    async with run_worker(store, slack):
        await wait_all_settled(store)
    [message] = await slack.client.messages("deploys")
    assert (message.text, message.edits) == ("ended", 0)
    assert [each.text for each in await slack.client.thread("deploys", message.ts)] == ["approved", "done"]
    assert await counts(store) == {"delivered": 3, "superseded": 2}


async def test_afterwards_it_is_edited_in_place_and_its_thread_keeps_the_order(store: Store, slack: RunningSlack) -> None:
    async with run_worker(store, slack) as at_work:
        for number in range(4):
            await enqueue(store, card(f"step {number}"), reply(number, f"did {number}"))
            at_work.delivery.wake()
            await wait_all_settled(store)
    [message] = await slack.client.messages("deploys")
    assert (message.text, message.edits) == ("step 3", 3)
    assert message.metadata == {"event_type": "deepecho", "event_payload": {"outbox": 7, "key": "op-a/card"}}
    assert [each.text for each in await slack.client.thread("deploys", message.ts)] == [f"did {number}" for number in range(4)]


async def test_the_program_is_told_of_each_message_in_the_transaction_that_keeps_its_address(
    store: Store, slack: RunningSlack
) -> None:
    await enqueue(store, card("asked"), reply(1, "approved"))
    async with run_worker(store, slack) as at_work:
        await wait_all_settled(store)
    assert at_work.delivered_keys == ["op-a/card", "op-a/t/1"]
    async with store.read() as tx:
        channel, ts = await tx.outbox.address("op-a/t/1") or ("", "")
    assert [(each.channel, each.ts) for each in await slack.client.all_messages("deploys")][1] == (channel, ts)


async def test_a_nudge_is_enough_however_long_the_rests_are(store: Store, slack: RunningSlack) -> None:
    async with run_worker(store, slack, retry_policy=RETRY_POLICY.scaled(1000)) as at_work:
        await asyncio.sleep(0.05)  # it has looked, and rests for 20 s
        await enqueue(store, card("now"))
        at_work.delivery.wake()
        await slack.client.wait_for_message(lambda message: message.text == "now", within=10)
        await wait_all_settled(store)


async def test_rows_of_another_replica_are_found_without_a_nudge(store: Store, slack: RunningSlack) -> None:
    async with run_worker(store, slack):
        await asyncio.sleep(0.05)
        await enqueue(store, card("from elsewhere"))
        await slack.client.wait_for_message(lambda message: message.text == "from elsewhere", within=10)
        await wait_all_settled(store)


async def test_one_channel_gets_a_message_at_a_time_and_the_most_urgent_first(store: Store, slack: RunningSlack) -> None:
    """At less than half of the product's interval between two messages of one channel."""
    await enqueue(
        store,
        *(card(f"digest {number}", stream=f"digest-{number}", urgency=Urgency.DIGEST) for number in range(3)),
        card("page", stream="page-1", urgency=Urgency.PAGE),
        card("elsewhere", stream="other", channel="C0OPS00008", urgency=Urgency.DIGEST),
    )
    async with run_worker(store, slack, pace=RateLimits(post_interval=timedelta(seconds=0.4))):
        await wait_all_settled(store)
    calls = await slack.client.api_calls("chat.postMessage")
    in_channel = [call for call in calls if call["channel"] == "C0DEPLOYS1"]
    assert [call["args"]["text"] for call in in_channel] == ["page", "digest 0", "digest 1", "digest 2"]
    assert in_channel[-1]["time"] - in_channel[0]["time"] > 1.1
    other = next(call for call in calls if call["channel"] == "C0OPS00008")
    assert other["time"] < in_channel[-1]["time"]


async def test_a_card_that_only_counts_is_edited_seldom_and_shows_the_last_count(store: Store, slack: RunningSlack) -> None:
    async with run_worker(
        store,
        slack,
        pace=RateLimits(
            post_interval=PACE.post_interval, edit_interval=PACE.edit_interval, low_priority_interval=timedelta(seconds=0.3)
        ),
    ) as at_work:
        await enqueue(store, card("0 of 9"))
        at_work.delivery.wake()
        await wait_all_settled(store)
        for number in range(1, 10):
            await enqueue(store, card(f"{number} of 9", low_priority=True))
            at_work.delivery.wake()
            await asyncio.sleep(0.02)
        await enqueue(store, reply(1, "verified"))
        await wait_all_settled(store)
    [message] = await slack.client.messages("deploys")
    assert message.text == "9 of 9"
    assert message.edits <= 2
    assert [each.text for each in await slack.client.thread("deploys", message.ts)] == ["verified"]


async def test_long_text_follows_as_a_file_in_the_thread(store: Store, slack: RunningSlack) -> None:
    log_lines = tuple(f"line {number}" for number in range(400))
    await enqueue(
        store, card("asked"), outbox_note("t/log", "the pod's last lines", parent="card", lines=log_lines), reply(2, "after")
    )
    async with run_worker(store, slack):
        await wait_all_settled(store)
    [message] = await slack.client.messages("deploys")
    thread = await slack.client.thread("deploys", message.ts)
    [with_file] = [each for each in thread if each.files]
    assert with_file.files[0]["name"] == "op-a-t-log.txt"
    assert [each.text for each in thread if not each.files] == ["the pod's last lines", "after"]


async def test_draining_finishes_what_is_under_way_and_begins_nothing(store: Store, slack: RunningSlack) -> None:
    await slack.client.faults.slow("chat.postMessage", 0.2)
    await enqueue(store, card("under way"))
    async with run_worker(store, slack) as at_work:
        await wait_for_calls(slack, "chat.postMessage")
        draining = asyncio.create_task(at_work.delivery.drain(2))
        await asyncio.sleep(0)
        await enqueue(store, card("later", stream="op-b"))
        assert await draining
    assert [message.text for message in await slack.client.messages("deploys")] == ["under way"]
    assert await counts(store) == {"delivered": 1, "pending": 1}


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before"])
async def test_killed_while_sending_the_next_start_looks_before_it_sends(store: Store, slack: RunningSlack, kind: str) -> None:
    await slack.client.faults.add("chat.postMessage", kind)
    await enqueue(store, card("asked"), reply(1, "approved"))
    with pytest.raises(asyncio.CancelledError):  # noqa: PT012 -- the block is the life of a process
        async with run_worker(store, slack) as at_work:
            await wait_for_calls(slack, "chat.postMessage")
            at_work.running.cancel()
            await at_work.running
    await slack.client.faults.clear()
    assert await counts(store) == {"sending": 1, "pending": 1}
    async with run_worker(store, slack, replica="replica-2"):
        await wait_all_settled(store)
    [message] = await slack.client.messages("deploys")
    assert [each.text for each in await slack.client.thread("deploys", message.ts)] == ["approved"]
    assert await counts(store) == {"delivered": 2}


async def test_a_chart_follows_its_words_as_a_picture_in_the_thread(store: Store, slack: RunningSlack) -> None:
    since, until = datetime(2026, 11, 23, 13, tzinfo=UTC), datetime(2026, 11, 23, 14, tzinfo=UTC)
    points = tuple((since.timestamp() + minute * 60, float(minute)) for minute in range(60))
    chart = Chart(title="Errors", since=since, until=until, series=(Series(name="main", points=points),), threshold=10)
    note = AlertNote(group_id="al-a", key="chart", at=until, text="now 59, limit 10", chart=chart)
    message = replace(reply("chart", "", stream="al-a"), kind=ALERT_NOTE, fact=note)
    await enqueue(store, card("HighErrorRate", stream="al-a"), message)

    async with run_worker(store, slack, render=lambda fact: render(fact) if isinstance(fact, AlertNote) else render_note(fact)):
        await wait_all_settled(store)

    root = (await slack.client.messages("deploys"))[-1]
    words, picture = await slack.client.thread("deploys", root.ts)
    assert "now 59, limit 10" in words.visible_text
    assert (picture.files[0]["name"], picture.files[0]["title"]) == ("al-a-t-chart.png", "Errors")
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(picture.files[0]["url_private"]) as file:
        assert (await file.read()).startswith(b"\x89PNG")


async def test_a_file_whose_row_another_replica_took_over_meanwhile_is_left_to_it(store: Store, slack: RunningSlack) -> None:
    """The first replica slept while Slack named the file; it must not put a second one into the thread when it wakes."""
    await enqueue(store, card("asked"), outbox_note("t/log", "the pod's last lines", parent="card", lines=("one", "two")))
    await slack.client.faults.hold("files.getUploadURLExternal")
    async with run_worker(store, slack, slack_timeout=30) as slept:
        await wait_for_calls(slack, "files.getUploadURLExternal")
        async with run_worker(store, slack, replica="replica-2"):
            async with store.write() as tx:
                await tx.outbox.release_dead_claims(frozenset({"replica-2"}))
            await wait_all_settled(store)
        await slack.client.faults.clear()
        assert await slept.delivery.drain(10)
    [message] = await slack.client.messages("deploys")
    files = [each.files for each in await slack.client.thread("deploys", message.ts) if each.files]
    assert [len(each) for each in files] == [1]
    assert len(await slack.client.api_calls("files.completeUploadExternal")) == 1
    assert await counts(store) == {"delivered": 2}
