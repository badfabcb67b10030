"""Socket Mode receiver: keeps one socket to Slack open, and replaces it when it is dead or Slack asks for it."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any, NoReturn

import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.socket_connection import SocketModeConnection
from domain.errors import DeepechoError, PermanentError, TemporaryError
from runbooks.retries import retry_attempts

log = structlog.get_logger()

HANDOVER_TIMEOUT_SECONDS = 10.0
"""How long Slack may still deliver on a socket after it asked to replace it."""
DRAIN_TIMEOUT_SECONDS = 2.0
MAX_FAILURES = 10
"""Failures in a row, about three minutes of them; then the process ends and is started afresh."""
MAX_PAUSE_SECONDS = 30.0


class SocketModeFailed(DeepechoError):
    """The socket cannot be opened. The process ends, so that its supervisor starts a new one."""


class SocketModeReceiver:
    """Opens one socket after the other. Where Slack announces a replacement, the next opens before the old one closes."""

    def __init__(self, app: AsyncApp, app_token: str, client: AsyncWebClient, *, replicas: int = 1) -> None:
        self._app, self._app_token, self._client, self._replicas = app, app_token, client, replicas
        self._current: SocketModeConnection | None = None
        self._previously_heard_at: float | None = None
        self.opened = 0
        self.connections = 0
        """Sockets that Slack counts for this app, from the last hello."""

    @property
    def is_open(self) -> bool:
        """Whether there is a socket on which Slack can deliver."""
        return self._current is not None and not self._current.is_lost

    def seconds_since_heard(self) -> float | None:
        """Seconds since the last pong or hello on any socket; None before the first."""
        current_heard_at = self._current.last_heard_at if self._current is not None else None
        last_heard_at = current_heard_at or self._previously_heard_at
        return None if last_heard_at is None else time.time() - last_heard_at

    async def run(self) -> NoReturn:
        """Keep a socket open until cancelled. Raises ``SocketModeFailed`` when it cannot be opened again."""
        retiring: set[asyncio.Task[None]] = set()
        try:
            while True:
                old, new = self._current, await self._open_next()
                self._current = new
                # Messages may still arrive on the old socket, so it is drained beside the new one.
                if old is not None:
                    task = asyncio.create_task(self._retire(old))
                    retiring.add(task)
                    task.add_done_callback(retiring.discard)
                await self._wait_closed(new)
        finally:
            for task in retiring:
                task.cancel()
            if self._current is not None:
                await self._current.drain_and_close(DRAIN_TIMEOUT_SECONDS)
            await asyncio.gather(*retiring, return_exceptions=True)

    async def _wait_closed(self, connection: SocketModeConnection) -> None:
        """Return when another socket is needed. A dead one is closed here; a live one is left for ``_retire``."""
        await connection.wait_closed()
        log.info("socket closing", reason=connection.reason or "lost")
        if connection.reason == "link_disabled":
            raise SocketModeFailed(
                "Socket Mode is switched off for this app. Switch it on in Slack's app settings, then start again."
            )
        # At the limit of sockets Slack would refuse the next one while this one is open.
        if connection.is_lost or connection.reason == "too_many_websockets":
            self._previously_heard_at, self._current = connection.last_heard_at, None
            await connection.drain_and_close(DRAIN_TIMEOUT_SECONDS)

    async def _open_next(self) -> SocketModeConnection:
        try:
            async for attempt in retry_attempts(
                (TemporaryError, PermanentError), initial=1.0, maximum=MAX_PAUSE_SECONDS, attempts=MAX_FAILURES
            ):
                with attempt:
                    return await self._open()
        except (TemporaryError, PermanentError) as error:
            raise SocketModeFailed(f"Slack's socket could not be opened {MAX_FAILURES} times in a row: {error}") from error
        raise AssertionError("the last attempt returns or raises")

    async def _open(self) -> SocketModeConnection:
        connection = SocketModeConnection(self._app, self._app_token, self._client, self._on_hello)
        async with AsyncExitStack() as unless_open:
            unless_open.push_async_callback(connection.drain_and_close, 0)
            await connection.open()
            unless_open.pop_all()
        self.opened += 1
        return connection

    async def _retire(self, connection: SocketModeConnection) -> None:
        """Receive what still arrives on a replaced socket, then close it."""
        try:
            async with asyncio.timeout(HANDOVER_TIMEOUT_SECONDS):
                await connection.wait_lost()
        except TimeoutError:
            pass  # Slack left it open; nothing more will arrive on it.
        finally:
            await connection.drain_and_close(DRAIN_TIMEOUT_SECONDS)

    def _on_hello(self, hello: dict[str, Any]) -> None:
        self.connections = int(hello.get("num_connections", 0))
        log.info("socket open", connections=self.connections)
        # One socket more is allowed: the old one, which is still being drained.
        if self.connections > self._replicas + 1:
            log.warning(
                "slack counts more sockets than replicas, clicks may be lost",
                connections=self.connections,
                replicas=self._replicas,
            )
