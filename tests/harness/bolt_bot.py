"""A small bot on real Bolt: it remembers what it hears and does what a test tells it to."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import RunningSlack, until

Body = dict[str, Any]
Reaction = Callable[[Body], Awaitable[Any]]


async def _nothing(_: Body) -> None:
    return None


@dataclass
class SmallBot:
    """``on_…`` run before the acknowledgement; what ``on_form`` returns is the acknowledgement of a form."""

    app: AsyncApp
    handler: AsyncSocketModeHandler
    heard: list[Body] = field(default_factory=list)
    on_command: Reaction = _nothing
    on_click: Reaction = _nothing
    on_form: Reaction = _nothing
    on_event: Reaction = _nothing
    answer: str = ""
    deaf: bool = False

    @asynccontextmanager
    async def hears(self, kind: str) -> AsyncIterator[None]:
        """Waits at its end until one more of a kind has come."""
        before = len(self.of(kind))
        yield

        async def came() -> bool | None:
            return len(self.of(kind)) > before or None

        await until(came)

    def of(self, kind: str) -> list[Body]:
        """What was heard of a kind: `command`, a payload's type, or an event's type."""
        return [body for body in self.heard if kind in {body.get("type"), body.get("event", {}).get("type")}]


def small_bot(slack: RunningSlack, web: AsyncWebClient) -> SmallBot:
    app = AsyncApp(client=web, signing_secret=slack.signing_secret, process_before_response=True)
    bot = SmallBot(app, AsyncSocketModeHandler(app, slack.app_token, ping_interval=1))
    anything = re.compile("")

    async def command(ack: AsyncAck, body: Body, respond: AsyncRespond) -> None:
        bot.heard.append({"type": "command", **body})
        if bot.deaf:
            await asyncio.sleep(30)
        await bot.on_command(body)
        await ack()
        if bot.answer:
            await respond(bot.answer)

    async def click(ack: AsyncAck, body: Body) -> None:
        bot.heard.append(body)
        await bot.on_click(body)
        await ack()

    async def form(ack: AsyncAck, body: Body) -> None:
        bot.heard.append(body)
        answer = await bot.on_form(body)
        await ack(**(answer or {}))

    async def event(body: Body) -> None:
        bot.heard.append(body)
        await bot.on_event(body)

    app.command("/deepecho")(command)
    app.action(anything)(click)
    app.view(anything)(form)
    app.view_closed(anything)(form)
    app.event(anything)(event)
    return bot


@asynccontextmanager
async def running_bot(slack: RunningSlack, web: AsyncWebClient) -> AsyncIterator[SmallBot]:
    bot = small_bot(slack, web)
    await bot.handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.client.wait_for_bot()
    try:
        yield bot
    finally:
        await bot.handler.close_async()  # type: ignore[no-untyped-call]
