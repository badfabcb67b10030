"""One Socket Mode WebSocket to Slack. It never reconnects: ``bot.slack.socket_mode`` opens the next one."""

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
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import from_connection, from_response
from bot.slack.listeners import ENVELOPE_KEY
from bot.slack.payload_shapes import InvalidPayload
from bot.slack.payloads import check_payload
from domain.errors import TemporaryError

OPEN_METHOD = "apps.connections.open"
PING_SECONDS = 5.0
OPEN_TIMEOUT_SECONDS = 10.0
STATE_POLL_INTERVAL_SECONDS = 0.5
PONG_TIMEOUT_SECONDS = 4 * PING_SECONDS
"""A socket without a pong for this long counts as dead, even where TCP still has it open."""

Json = dict[str, Any]


class SocketModeConnection(SocketModeClient):
    """The SDK's client, restricted to one socket.

    The SDK's own reconnecting closes the old socket before it opens the next, retries a used URL for ever, keeps no reference to
    its running tasks, and drops received messages when it closes. This class overrides each of these.
    """

    def __init__(self, app: AsyncApp, app_token: str, client: AsyncWebClient, on_hello: Callable[[Json], None]) -> None:
        super().__init__(
            app_token=app_token,
            logger=logging.getLogger("slack_sdk.socket_mode"),
            web_client=client,
            auto_reconnect_enabled=False,
            ping_interval=PING_SECONDS,
        )
        self._app, self._hello_callback = app, on_hello
        self._in_progress: set[asyncio.Task[None]] = set()
        self._hello_at: float | None = None
        self.hello = asyncio.Event()
        self.replace_requested = asyncio.Event()
        """Set when Slack asks to replace this socket. It still delivers messages for some seconds."""
        self.reason = ""
        self.socket_mode_request_listeners.append(self._on_request)
        self.message_listeners.append(self._handle_hello)

    @property
    def last_heard_at(self) -> float | None:
        """Time of the last pong or the hello, in seconds since 1970. None before the hello."""
        return self._hello_at if self.last_ping_pong_time is None else max(self._hello_at or 0.0, self.last_ping_pong_time)

    async def open(self) -> None:
        """Connect and wait for the hello. Raises ``TemporaryError``, with Slack's own delay, or ``PermanentError``."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_SECONDS):
                self.wss_uri = await self._fetch_url()
                await self.connect()  # type: ignore[no-untyped-call]
                await self.hello.wait()
        except TimeoutError as error:
            raise TemporaryError(f"Slack's socket did not open within {OPEN_TIMEOUT_SECONDS:.0f} s.") from error

    async def _fetch_url(self) -> str:
        """A WebSocket URL, valid for one connection. The SDK's method would sleep here through Slack's rate limit."""
        try:
            answer = await self.web_client.apps_connections_open(app_token=self.app_token)
        except SlackApiError as error:
            raise from_response(error, OPEN_METHOD, write=False) from error
        except (aiohttp.ClientError, OSError) as error:
            raise from_connection(error, OPEN_METHOD, write=False) from error
        return str(answer["url"])

    @property
    def is_lost(self) -> bool:
        """Whether no message can arrive any more."""
        closed = self.current_session is None or self.current_session.closed
        return closed or (self.last_heard_at is not None and time.time() - self.last_heard_at > PONG_TIMEOUT_SECONDS)

    async def wait_closed(self) -> None:
        """Return when the socket is dead or Slack asks to replace it."""
        while not (self.is_lost or self.replace_requested.is_set()):  # noqa: ASYNC110 -- a missing pong sets no event
            await asyncio.sleep(STATE_POLL_INTERVAL_SECONDS)

    async def wait_lost(self) -> None:
        """Return when the socket is dead."""
        while not self.is_lost:  # noqa: ASYNC110 -- a missing pong sets no event
            await asyncio.sleep(STATE_POLL_INTERVAL_SECONDS)

    async def drain(self, within: float) -> None:
        """Wait until every received message is stored and acknowledged, at most ``within`` seconds."""
        try:
            async with asyncio.timeout(within):
                while not self.message_queue.empty() or self._in_progress:  # noqa: ASYNC110 -- the SDK's queue sets no event
                    await asyncio.sleep(0.01)
        except TimeoutError:
            self.logger.warning("%d messages were not acknowledged in time", len(self._in_progress))

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 -- the SDK's signature
        """The SDK calls this on Slack's ``disconnect``. Ask ``SocketModeReceiver`` for a new socket instead of reconnecting."""
        self.replace_requested.set()

    async def process_message(self) -> None:
        """Like the SDK's method, but with a reference to the task: asyncio keeps only weak ones, so it could be collected."""
        raw = await self.message_queue.get()
        message: Json = json.loads(raw) if raw and raw.startswith("{") else {}
        if message.get("type") == "disconnect":
            self.reason = str(message.get("reason", ""))
        task = asyncio.create_task(self.run_message_listeners(message, raw or ""))
        self._in_progress.add(task)
        task.add_done_callback(self._in_progress.discard)

    async def drain_and_close(self, within: float) -> None:
        """Drain, then close."""
        await self.drain(within)
        await self.close()  # type: ignore[no-untyped-call]

    async def _handle_hello(self, _client: AsyncBaseSocketModeClient, message: Json, _raw: str | None) -> None:
        if message.get("type") == "hello":
            self._hello_at = time.time()
            self.hello.set()
            self._hello_callback(message)

    async def _on_request(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        started = time.time()
        answer = await self._handle(request)
        if answer.status in (400, 404):
            # No listener matches, or the payload is not what Slack documents. Slack would retry what is not acknowledged.
            answer.status, answer.body = 200, ""
        await send_async_response(client, request, answer, started)

    async def _handle(self, request: SocketModeRequest) -> BoltResponse:
        try:
            check_payload(request.payload)
        except InvalidPayload as error:
            self.logger.warning("A payload of the type %.40s was refused: %s", request.type, error)
            return BoltResponse(status=400)
        return await self._app.async_dispatch(
            AsyncBoltRequest(mode="socket_mode", body=request.payload, context={ENVELOPE_KEY: request.envelope_id})
        )
