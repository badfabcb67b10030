"""One WebSocket to Slack, from its opening to its end. It never reconnects: ``bot.slack.socket_mode`` opens the next one."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import from_answer, from_connection
from bot.slack.listeners import ENVELOPE
from domain.errors import TemporaryError

OPEN = "apps.connections.open"
PING_SECONDS = 5.0
OPEN_WITHIN = 10.0
LOOK_SECONDS = 0.5
DEAF_AFTER = 4 * PING_SECONDS
"""Seconds without a pong after which a socket counts as dead, though it looks open."""

Json = dict[str, Any]


class Connection(SocketModeClient):
    """The SDK's client, kept to one socket.

    Left alone, the client closes the old socket before it opens the next, tries a spent address for ever, lets tasks be collected
    while they run, and on closing drops what it has received. Here each of these is somebody's decision.
    """

    def __init__(self, app: AsyncApp, app_token: str, client: AsyncWebClient, on_hello: Callable[[Json], None]) -> None:
        super().__init__(
            app_token=app_token,
            logger=logging.getLogger("slack_sdk.socket_mode"),
            web_client=client,
            auto_reconnect_enabled=False,
            ping_interval=PING_SECONDS,
        )
        self._app, self._on_hello = app, on_hello
        self._under_way: set[asyncio.Task[None]] = set()
        self._greeted_at: float | None = None
        self.hello = asyncio.Event()
        self.must_go = asyncio.Event()
        """Slack asked for this socket to be replaced; it still delivers for some seconds."""
        self.reason = ""
        self.socket_mode_request_listeners.append(self._take)
        self.message_listeners.append(self._greeted)

    @property
    def heard_at(self) -> float | None:
        """When Slack was last heard, in seconds since 1970: the last pong, or the hello. None before the hello."""
        return self._greeted_at if self.last_ping_pong_time is None else max(self._greeted_at or 0.0, self.last_ping_pong_time)

    async def open(self) -> None:
        """Connect and wait for the hello. Raises ``TemporaryError``, with Slack's own delay, or ``PermanentError``."""
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                self.wss_uri = await self._address()
                await self.connect()  # type: ignore[no-untyped-call]
                await self.hello.wait()
        except TimeoutError as error:
            raise TemporaryError(f"Slack's socket did not open within {OPEN_WITHIN:.0f} s.") from error

    async def _address(self) -> str:
        """A fresh address, good for one connection. The SDK's own way would sleep here for as long as Slack says."""
        try:
            answer = await self.web_client.apps_connections_open(app_token=self.app_token)
        except SlackApiError as error:
            raise from_answer(error, OPEN, write=False) from error
        except (aiohttp.ClientError, OSError) as error:
            raise from_connection(error, OPEN, write=False) from error
        return str(answer["url"])

    @property
    def dead(self) -> bool:
        """Nothing can arrive here any more."""
        closed = self.current_session is None or self.current_session.closed
        return closed or (self.heard_at is not None and time.time() - self.heard_at > DEAF_AFTER)

    async def over(self) -> None:
        """Return when the socket is dead, or Slack wants it replaced."""
        while not (self.dead or self.must_go.is_set()):  # noqa: ASYNC110 -- a pong that stays away sets no event
            await asyncio.sleep(LOOK_SECONDS)

    async def dies(self) -> None:
        """Return when nothing can arrive here any more."""
        while not self.dead:  # noqa: ASYNC110 -- a pong that stays away sets no event
            await asyncio.sleep(LOOK_SECONDS)

    async def drain(self, within: float) -> None:
        """Wait until everything that was received is kept and acknowledged, but not longer than this."""
        try:
            async with asyncio.timeout(within):
                while not self.message_queue.empty() or self._under_way:  # noqa: ASYNC110 -- two of the SDK's, no event
                    await asyncio.sleep(0.01)
        except TimeoutError:
            self.logger.warning("%d deliveries were not acknowledged in time", len(self._under_way))

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 -- the SDK's signature
        """Called where Slack says ``disconnect``: note it, and leave the rest to the door."""
        self.must_go.set()

    async def process_message(self) -> None:
        """As the SDK's own, but the task is held on to until it is done."""
        raw = await self.message_queue.get()
        message: Json = json.loads(raw) if raw and raw.startswith("{") else {}
        if message.get("type") == "disconnect":
            self.reason = str(message.get("reason", ""))
        task = asyncio.create_task(self.run_message_listeners(message, raw or ""))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def end(self, within: float) -> None:
        """Drain, then close."""
        await self.drain(within)
        await self.close()  # type: ignore[no-untyped-call]

    async def _greeted(self, _client: AsyncBaseSocketModeClient, message: Json, _raw: str | None) -> None:
        if message.get("type") == "hello":
            self._greeted_at = time.time()
            self.hello.set()
            self._on_hello(message)

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        started = time.time()
        bolt_request = AsyncBoltRequest(mode="socket_mode", body=request.payload, context={ENVELOPE: request.envelope_id})
        answer = await self._app.async_dispatch(bolt_request)
        if answer.status == 404:
            # Nobody wants it, and unacknowledged it would come again.
            answer.status, answer.body = 200, ""
        await send_async_response(client, request, answer, started)
