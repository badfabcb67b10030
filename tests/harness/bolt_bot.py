"""A small bot on real Bolt: it records what it receives and runs the hooks of a test."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import RunningSlack, wait_for

Body = dict[str, Any]
Handler = Callable[[Body], Awaitable[Any]]


async def _nothing(_: Body) -> None:
    return None


@dataclass
class BoltBot:
    """``on_…`` run before the acknowledgement; what ``on_form`` returns is the acknowledgement of a form."""

    app: AsyncApp
    handler: AsyncSocketModeHandler
    received: list[Body] = field(default_factory=list)
    on_command: Handler = _nothing
    on_click: Handler = _nothing
    on_form: Handler = _nothing
    on_event: Handler = _nothing
    answer: str = ""
    unresponsive: bool = False

    @asynccontextmanager
    async def wait_for(self, kind: str) -> AsyncIterator[None]:
        """Waits at its end until one more of a kind has come."""
        before = len(self.received_of(kind))
        yield

        async def came() -> bool | None:
            return len(self.received_of(kind)) > before or None

        await wait_for(came)

    def received_of(self, kind: str) -> list[Body]:
        """Received payloads of a kind: `command`, a payload's type, or an event's type."""
        return [body for body in self.received if kind in {body.get("type"), body.get("event", {}).get("type")}]


def build_bolt_bot(slack: RunningSlack, web: AsyncWebClient) -> BoltBot:
    app = AsyncApp(client=web, signing_secret=slack.signing_secret, process_before_response=True)
    bot = BoltBot(app, AsyncSocketModeHandler(app, slack.app_token, ping_interval=1))
    anything = re.compile("")

    async def command(ack: AsyncAck, body: Body, respond: AsyncRespond) -> None:
        bot.received.append({"type": "command", **body})
        if bot.unresponsive:
            await asyncio.sleep(30)
        await bot.on_command(body)
        await ack()
        if bot.answer:
            await respond(bot.answer)

    async def click(ack: AsyncAck, body: Body) -> None:
        bot.received.append(body)
        await bot.on_click(body)
        await ack()

    async def form(ack: AsyncAck, body: Body) -> None:
        bot.received.append(body)
        answer = await bot.on_form(body)
        await ack(**(answer or {}))

    async def event(body: Body) -> None:
        bot.received.append(body)
        await bot.on_event(body)

    app.command("/deepecho")(command)
    app.action(anything)(click)
    app.view(anything)(form)
    app.view_closed(anything)(form)
    app.event(anything)(event)
    return bot


@asynccontextmanager
async def running_bolt_bot(slack: RunningSlack, web: AsyncWebClient) -> AsyncIterator[BoltBot]:
    bot = build_bolt_bot(slack, web)
    await bot.handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.client.wait_for_bot()
    try:
        yield bot
    finally:
        await bot.handler.close_async()  # type: ignore[no-untyped-call]
