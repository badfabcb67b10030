"""The outbox worker as the process wires it, against a local Slack, and messages for it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from bot.charts import Charts
from bot.delivery.failure_handling import RetryPolicy
from bot.delivery.worker import OutboxWorker
from bot.slack.api import SlackApi, open_session
from bot.views.markup.message import Message
from domain.clock import SystemClock
from domain.metrics.charts import AnyChart
from domain.notes import OperationNote
from sandbox.slack.local import RunningSlack
from sandbox.slack.observer import wait_for
from storage.outbox import OutboxRow, RateLimits
from storage.outbox_messages import OPERATION_NOTE, OutboxMessage, Urgency
from storage.store import Store, Transaction
from tests.harness.families import FACT_KINDS

TIME_SCALE = 0.02
"""Delays are divided by this in tests."""

SLACK_TIMEOUT = 0.4
"""Seconds until a call that hangs is given up; 10 in the product."""

PACE = RateLimits(
    post_interval=timedelta(seconds=1) * TIME_SCALE,
    edit_interval=timedelta(seconds=1.2) * TIME_SCALE,
    low_priority_interval=timedelta(seconds=3) * TIME_SCALE,
)
RETRY_POLICY = RetryPolicy(
    attempt_timeout=5 / TIME_SCALE,
    record_timeout=20 / TIME_SCALE,
    poll_interval=0.5,
    idle_interval=1.0,
    unknown_outcome_delay=0.1 / TIME_SCALE,
    max_unexpected_errors=4,
).scaled(TIME_SCALE)


def render_note(fact: Any) -> Message:
    """A message that says what the fact says; its lines are the file."""
    block = {"type": "section", "text": {"type": "mrkdwn", "text": fact.text}}
    return Message(fact.text, (block,), "\n".join(fact.lines) or None)


def outbox_note(
    key: str,
    text: str,
    *,
    stream: str = "op-a",
    parent: str = "",
    channel: str = "C0DEPLOYS1",
    card: bool = False,
    low_priority: bool = False,
    urgency: Urgency = Urgency.OPERATION,
    lines: tuple[str, ...] = (),
) -> OutboxMessage:
    """A message for the outbox, as small as one can be."""
    fact = OperationNote(operation_id=stream, key=key, at=datetime.now().astimezone(), text=text, lines=lines)
    return OutboxMessage(
        key=f"{stream}/{key}",
        stream=stream,
        parent=f"{stream}/{parent}" if parent else "",
        channel=channel,
        urgency=urgency,
        kind=OPERATION_NOTE,
        fact=fact,
        card=card,
        low_priority=low_priority,
    )


def card(text: str, **more: Any) -> OutboxMessage:
    return outbox_note("card", text, card=True, **more)


def reply(number: int | str, text: str, **more: Any) -> OutboxMessage:
    return outbox_note(f"t/{number}", text, parent="card", **more)


async def enqueue(store: Store, *messages: OutboxMessage) -> None:
    """Each in a transaction of its own, as they happen one after the other."""
    for message in messages:
        async with store.write() as tx:
            await tx.outbox.put(message, at=SystemClock().now())


async def is_settled(store: Store) -> bool | None:
    async with store.read() as tx:
        return await tx.outbox.oldest_unsettled() is None or None


async def wait_all_settled(store: Store, within: float = 15.0) -> None:
    await wait_for(lambda: is_settled(store), within)


async def counts(store: Store) -> dict[str, int]:
    async with store.read() as tx:
        return dict(await tx.outbox.count_by_state())


@dataclass
class RunningWorker:
    """A running delivery. ``told`` are the keys whose arrival the rest of the program was told of."""

    delivery: OutboxWorker
    api: SlackApi
    running: asyncio.Task[None]
    delivered_keys: list[str] = field(default_factory=list)


@asynccontextmanager
async def run_worker(
    store: Store,
    slack: RunningSlack,
    *,
    replica: str = "replica-1",
    check_lease: Callable[[], None] = lambda: None,
    fallback: Callable[[OutboxRow], str] = lambda _: "",
    render: Callable[[Any], Message] = render_note,
    retry_policy: RetryPolicy = RETRY_POLICY,
    pace: RateLimits = PACE,
    draw: Callable[[AnyChart], Awaitable[bytes]] | None = None,
    slack_timeout: float = SLACK_TIMEOUT,
) -> AsyncIterator[RunningWorker]:
    """Delivery at work until the end of the block."""
    delivered_keys: list[str] = []

    async def on_delivered(tx: Transaction, row: OutboxRow, at: datetime) -> None:
        delivered_keys.append(row.key)

    async with AsyncExitStack() as stack:
        charts = Charts()
        stack.callback(charts.close)
        session: aiohttp.ClientSession = await stack.enter_async_context(open_session(slack.api_url, seconds=slack_timeout))
        api = SlackApi(slack.bot_token, session, base_url=slack.api_url)
        delivery = OutboxWorker(
            store,
            api,
            render,
            FACT_KINDS,
            clock=SystemClock(),
            replica=replica,
            rate_limits=pace,
            check_lease=check_lease,
            fallback=fallback,
            on_delivered=on_delivered,
            draw=draw or charts.png,
            rng=random.Random(1),  # noqa: S311 -- jitter
            retry_policy=retry_policy,
        )
        running = asyncio.create_task(delivery.run())
        stack.push_async_callback(_stopped, delivery, running)
        yield RunningWorker(delivery, api, running, delivered_keys)


async def _stopped(delivery: OutboxWorker, running: asyncio.Task[None]) -> None:
    if not await delivery.drain(5):
        running.cancel()
    await asyncio.wait([running])
    if not running.cancelled():
        running.result()


async def wait_for_calls(slack: RunningSlack, method: str, times: int = 1) -> None:
    """Until Slack was called so often, whatever came of it."""

    async def look() -> bool | None:
        return len(await slack.client.api_calls(method)) >= times or None

    await wait_for(look)
