"""Pictures of charts: each is in its thread once, whatever breaks between its stages; where there is none, nothing waits."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.views.markup.message import Message
from domain.alerts.alerts import AlertNote
from domain.metrics.charts import AnyChart, Chart, Series
from sandbox.slack.local import RunningSlack
from storage.outbox_messages import ALERT_NOTE, OutboxMessage
from storage.store import Store
from storage.tables.core import outbox
from tests.harness.families import render
from tests.harness.outbox_worker import (
    RETRY_POLICY,
    card,
    counts,
    enqueue,
    render_note,
    reply,
    run_worker,
    wait_all_settled,
    wait_for_calls,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

SINCE, UNTIL = datetime(2026, 11, 23, 13, tzinfo=UTC), datetime(2026, 11, 23, 14, tzinfo=UTC)
POINTS = tuple((SINCE.timestamp() + minute * 60, float(minute)) for minute in range(60))
STAGES = ["files.getUploadURLExternal", "upload", "files.completeUploadExternal", "files.info"]
KINDS = ["429", "500", "timeout_before", "timeout_after", "drop_after", "500_after"]


def chart_note(stream: str = "al-a", title: str = "Errors") -> OutboxMessage:
    chart = Chart(title=title, since=SINCE, until=UNTIL, series=(Series(name="main", points=POINTS),), threshold=10)
    note = AlertNote(group_id=stream, key="chart", at=UNTIL, text="now 59, limit 10", chart=chart)
    return replace(reply("chart", "", stream=stream), kind=ALERT_NOTE, fact=note)


def rendered(fact: Any) -> Message:
    return render(fact) if isinstance(fact, AlertNote) else render_note(fact)


async def thread_files(slack: RunningSlack, stream: str = "al-a") -> list[dict[str, Any]]:
    """Those in the thread of the stream's card."""
    root = next(each for each in await slack.client.messages("deploys") if each.text == f"{stream} fires")
    return [file for each in await slack.client.thread("deploys", root.ts) for file in each.files]


async def thread_texts(slack: RunningSlack, stream: str = "al-a") -> list[str]:
    root = next(each for each in await slack.client.messages("deploys") if each.text == f"{stream} fires")
    return [each.text for each in await slack.client.thread("deploys", root.ts) if not each.files]


async def enqueue_card_and_chart(store: Store, stream: str = "al-a", title: str = "Errors") -> None:
    later = reply(2, f"{stream} goes on", stream=stream)
    await enqueue(store, card(f"{stream} fires", stream=stream), chart_note(stream, title), later)


@pytest.mark.parametrize("stage", STAGES)
async def test_faults_at_a_stage_of_a_picture(store: Store, slack: RunningSlack, stage: str) -> None:
    if stage == "files.info":  # asked only after an earlier stage broke
        await slack.client.faults.drop_after_delivery("files.completeUploadExternal", times=len(KINDS))
    for kind in KINDS:
        await slack.client.faults.add(stage, kind)
    streams = [f"al-{number}" for number in range(len(KINDS))]
    for stream in streams:
        await enqueue_card_and_chart(store, stream)
    async with run_worker(store, slack, render=rendered):
        await wait_all_settled(store, within=30)
    assert await slack.client.faults.pending() == []
    assert set(await counts(store)) == {"delivered"}
    for stream in streams:
        (picture,) = await thread_files(slack, stream)
        assert picture["name"] == f"{stream}-t-chart.png"
        assert (await thread_texts(slack, stream))[-1] == f"{stream} goes on"


@pytest.mark.parametrize("stage", STAGES[:3])
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
async def test_killed_at_a_stage_it_is_drawn_again_and_there_once(
    store: Store, slack: RunningSlack, stage: str, kind: str
) -> None:
    await slack.client.faults.add(stage, kind)
    await enqueue_card_and_chart(store)
    with pytest.raises(asyncio.CancelledError):  # noqa: PT012 -- the block is the life of a process
        async with run_worker(store, slack, render=rendered) as at_work:
            await wait_for_calls(slack, stage)
            at_work.running.cancel()
            await at_work.running
    await slack.client.faults.clear()
    async with run_worker(store, slack, render=rendered, replica="replica-2"):
        await wait_all_settled(store)
    assert len(await thread_files(slack)) == 1
    assert len(await thread_texts(slack)) == 2
    assert await counts(store) == {"delivered": 3}


async def test_killed_while_it_is_drawn_its_words_are_not_said_again(store: Store, slack: RunningSlack) -> None:
    drawing = asyncio.Event()

    async def never(_chart: AnyChart) -> bytes:
        drawing.set()
        await asyncio.Event().wait()
        raise AssertionError

    await enqueue_card_and_chart(store)
    with pytest.raises(asyncio.CancelledError):  # noqa: PT012 -- the block is the life of a process
        async with run_worker(store, slack, render=rendered, draw=never) as at_work:
            await asyncio.wait_for(drawing.wait(), 10)
            at_work.running.cancel()
            await at_work.running
    async with run_worker(store, slack, render=rendered, replica="replica-2"):
        await wait_all_settled(store)
    assert len(await thread_files(slack)) == 1
    assert len(await thread_texts(slack)) == 2


def failing_draw(error: Exception) -> Callable[[AnyChart], Awaitable[bytes]]:
    async def draw(_chart: AnyChart) -> bytes:
        raise error

    return draw


@pytest.mark.parametrize("error", [ValueError("cannot"), ZeroDivisionError(), RuntimeError("no thread"), MemoryError()])
async def test_what_cannot_be_drawn_leaves_its_words_and_holds_up_nothing(
    store: Store, slack: RunningSlack, error: Exception
) -> None:
    await enqueue_card_and_chart(store)
    async with run_worker(store, slack, render=rendered, draw=failing_draw(error)):
        await wait_all_settled(store)
    assert await thread_files(slack) == []
    assert [each[:16] for each in await thread_texts(slack)] == ["now 59, limit 10", "al-a goes on"]
    assert await counts(store) == {"delivered": 2, "failed": 1}
    async with store.read() as tx:
        (failure,) = await tx.outbox.failed_messages(since=SINCE.replace(year=2000))
    assert failure.error == f"The chart could not be drawn ({type(error).__name__}); what it shows stands in words."


async def test_a_picture_that_takes_too_long_is_given_up_and_others_are_not(store: Store, slack: RunningSlack) -> None:
    async def slowly(chart: AnyChart) -> bytes:
        if chart.title == "Endless":
            await asyncio.Event().wait()
        return b"\x89PNG"

    await enqueue_card_and_chart(store, "al-slow", "Endless")
    await enqueue_card_and_chart(store, "al-quick")
    async with run_worker(store, slack, render=rendered, draw=slowly, retry_policy=replace(RETRY_POLICY, drawing_timeout=0.3)):
        await wait_all_settled(store)
    assert (len(await thread_files(slack, "al-slow")), len(await thread_files(slack, "al-quick"))) == (0, 1)
    assert (await thread_texts(slack, "al-slow"))[-1] == "al-slow goes on"
    async with store.read() as tx:
        (failure,) = await tx.outbox.failed_messages(since=SINCE.replace(year=2000))
    assert failure.error == "The chart took too long to draw; what it shows stands in words."


async def test_without_the_scope_for_files_the_words_stand_and_the_bot_is_well(store: Store, slack: RunningSlack) -> None:
    await slack.client.faults.add("files.getUploadURLExternal", "ok_false:missing_scope")
    await enqueue_card_and_chart(store)
    async with run_worker(store, slack, render=rendered) as at_work:
        await wait_all_settled(store)
        assert at_work.delivery.blocking_error == ""
    assert await thread_files(slack) == []
    assert (await thread_texts(slack))[-1] == "al-a goes on"
    assert await counts(store) == {"delivered": 2, "failed": 1}


async def test_what_another_replica_took_over_is_not_uploaded_twice(store: Store, slack: RunningSlack) -> None:
    """A process that slept while it drew: somebody else has the row by then, and its picture with it."""

    async def sleeps(_chart: AnyChart) -> bytes:
        async with store.engines.write.begin() as connection:
            taken = outbox.update().where(outbox.c.key == "al-a/t/chart").values(attempts=outbox.c.attempts + 1)
            await connection.execute(taken)
        return b"\x89PNG"

    await enqueue(store, card("al-a fires", stream="al-a"), chart_note())
    async with run_worker(store, slack, render=rendered, draw=sleeps):
        await wait_for_calls(slack, "files.getUploadURLExternal")
    assert await slack.client.api_calls("files.completeUploadExternal") == []
    assert await counts(store) == {"delivered": 1, "sending": 1}
    async with run_worker(store, slack, render=rendered, replica="replica-2"):
        await wait_all_settled(store)
    assert len(await thread_files(slack)) == 1


async def test_the_title_of_a_picture_hides_what_is_secret(store: Store, slack: RunningSlack) -> None:
    await enqueue_card_and_chart(store, title="Errors · token=hunter2hunter2")
    async with run_worker(store, slack, render=rendered):
        await wait_all_settled(store)
    (picture,) = await thread_files(slack)
    assert picture["title"] == "Errors · token=•••"


async def test_a_picture_that_slack_asks_to_wait_with_holds_up_no_other_card(store: Store, slack: RunningSlack) -> None:
    await enqueue(store, card("op-b asked", stream="op-b"))
    async with run_worker(store, slack, render=rendered):
        await wait_all_settled(store)
        await slack.client.faults.rate_limit("files.getUploadURLExternal", retry_after=2)
        await enqueue_card_and_chart(store)
        await wait_for_calls(slack, "files.getUploadURLExternal")
        await enqueue(store, card("op-b ended", stream="op-b"))
        await wait_all_settled(store)
    refused, repeated = await slack.client.api_calls("files.getUploadURLExternal")
    (edited,) = await slack.client.api_calls("chat.update")
    assert repeated["time"] - refused["time"] >= 2
    assert edited["time"] - refused["time"] < 1.5
    assert len(await thread_files(slack)) == 1
