"""Delivery as the process wires it, against a local Slack, and what a test puts into the outbox."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from bot.charts import Charts
from bot.delivery.retries import Patience
from bot.delivery.worker import Delivery
from bot.slack.api import SlackApi, open_session
from bot.views.markup.message import Message
from domain.clock import SystemClock
from domain.metrics.charts import Chart
from domain.notes import OperationNote
from sandbox.slack.local import RunningSlack
from sandbox.slack.observer import until
from storage.outbox import OutboxRow, Pace
from storage.outbox_messages import OPERATION_NOTE, Outgoing, Urgency
from storage.store import Store, Transaction

FACTOR = 0.02
"""Tests wait a fiftieth of what people would."""

SLACK_WAITS = 0.4
"""Seconds until a call that hangs is given up; 10 in the product."""

PACE = Pace(post=timedelta(seconds=1) * FACTOR, edit=timedelta(seconds=1.2) * FACTOR, quiet=timedelta(seconds=3) * FACTOR)
PATIENCE = Patience(attempt=5 / FACTOR, keep=20 / FACTOR, poll=0.5, idle=1.0, look_after=0.1 / FACTOR, unexpected=4).scaled(
    FACTOR
)


def shown(fact: Any) -> Message:
    """A message that says what the fact says; its lines are the file."""
    block = {"type": "section", "text": {"type": "mrkdwn", "text": fact.text}}
    return Message(fact.text, (block,), "\n".join(fact.lines) or None)


def said(
    key: str,
    text: str,
    *,
    stream: str = "op-a",
    parent: str = "",
    channel: str = "C0DEPLOYS1",
    card: bool = False,
    quiet: bool = False,
    urgency: Urgency = Urgency.OPERATION,
    lines: tuple[str, ...] = (),
) -> Outgoing:
    """A message for the outbox, as small as one can be."""
    fact = OperationNote(operation=stream, key=key, at=datetime.now().astimezone(), text=text, lines=lines)
    return Outgoing(
        key=f"{stream}/{key}",
        stream=stream,
        parent=f"{stream}/{parent}" if parent else "",
        channel=channel,
        urgency=urgency,
        kind=OPERATION_NOTE,
        fact=fact,
        card=card,
        quiet=quiet,
    )


def card(text: str, **more: Any) -> Outgoing:
    return said("card", text, card=True, **more)


def reply(number: int | str, text: str, **more: Any) -> Outgoing:
    return said(f"t/{number}", text, parent="card", **more)


async def put(store: Store, *messages: Outgoing) -> None:
    """Each in a transaction of its own, as they happen one after the other."""
    for message in messages:
        async with store.write() as tx:
            await tx.outbox.put(message, at=SystemClock().now())


async def is_settled(store: Store) -> bool | None:
    async with store.read() as tx:
        return await tx.outbox.oldest_unsettled() is None or None


async def all_settled(store: Store, within: float = 15.0) -> None:
    await until(lambda: is_settled(store), within)


async def counts(store: Store) -> dict[str, int]:
    async with store.read() as tx:
        return dict(await tx.outbox.counts())


@dataclass
class Worker:
    """A running delivery. ``told`` are the keys whose arrival the rest of the program was told of."""

    delivery: Delivery
    api: SlackApi
    running: asyncio.Task[None]
    told: list[str] = field(default_factory=list)


@asynccontextmanager
async def worker(
    store: Store,
    slack: RunningSlack,
    *,
    replica: str = "replica-1",
    alive: Callable[[], None] = lambda: None,
    fallback: Callable[[OutboxRow], str] = lambda _: "",
    render: Callable[[Any], Message] = shown,
    patience: Patience = PATIENCE,
    pace: Pace = PACE,
    draw: Callable[[Chart], Awaitable[bytes]] | None = None,
) -> AsyncIterator[Worker]:
    """Delivery at work until the end of the block."""
    told: list[str] = []

    async def on_delivered(tx: Transaction, row: OutboxRow, at: datetime) -> None:
        told.append(row.key)

    async with AsyncExitStack() as stack:
        charts = Charts()
        stack.callback(charts.close)
        session: aiohttp.ClientSession = await stack.enter_async_context(open_session(slack.api_url, seconds=SLACK_WAITS))
        api = SlackApi(slack.bot_token, session, base_url=slack.api_url)
        delivery = Delivery(
            store,
            api,
            render,
            clock=SystemClock(),
            replica=replica,
            pace=pace,
            alive=alive,
            fallback=fallback,
            on_delivered=on_delivered,
            draw=draw or charts.png,
            chance=random.Random(1),  # noqa: S311 -- jitter
            patience=patience,
        )
        running = asyncio.create_task(delivery.run())
        stack.push_async_callback(_stopped, delivery, running)
        yield Worker(delivery, api, running, told)


async def _stopped(delivery: Delivery, running: asyncio.Task[None]) -> None:
    if not await delivery.drain(5):
        running.cancel()
    await asyncio.wait([running])
    if not running.cancelled():
        running.result()


async def called(slack: RunningSlack, method: str, times: int = 1) -> None:
    """Until Slack was called so often, whatever came of it."""

    async def look() -> bool | None:
        return len(await slack.client.log(method)) >= times or None

    await until(look)
