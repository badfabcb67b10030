"""The Socket Mode door: keeps one living socket to Slack, and knows when it has become deaf."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any, NoReturn

import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.socket_connection import Connection
from domain.errors import DeepechoError, PermanentError, TemporaryError

log = structlog.get_logger()

HANDOVER_SECONDS = 10.0
"""For so long Slack may still deliver on a socket that it wants replaced."""
DRAIN_SECONDS = 2.0
MOST_FAILURES = 10
"""In a row, about three minutes; then a fresh process is the better answer."""
LONGEST_PAUSE = 30.0


class GaveUp(DeepechoError):
    """Slack's socket cannot be opened again. The process ends, so that whatever runs it starts a fresh one."""


class SocketDoor:
    """Opens sockets one after the other, the next before the last one goes where Slack leaves the time for it."""

    def __init__(self, app: AsyncApp, app_token: str, client: AsyncWebClient, *, replicas: int = 1) -> None:
        self._app, self._app_token, self._client, self._replicas = app, app_token, client, replicas
        self._current: Connection | None = None
        self._heard_before: float | None = None
        self.opened = 0
        self.connections = 0
        """How many sockets Slack counts for this app, by the last hello."""

    def heard_ago(self) -> float | None:
        """Seconds since Slack was last heard on a socket; None where it never was."""
        now_heard = self._current.heard_at if self._current is not None else None
        heard = now_heard or self._heard_before
        return None if heard is None else time.time() - heard

    async def run(self) -> NoReturn:
        """Keep a socket open until cancelled. Raises ``GaveUp`` when it cannot be opened again."""
        retiring: set[asyncio.Task[None]] = set()
        try:
            while True:
                old, new = self._current, await self._open_next()
                self._current = new
                if old is not None:
                    task = asyncio.create_task(self._retire(old))
                    retiring.add(task)
                    task.add_done_callback(retiring.discard)
                await self._until_over(new)
        finally:
            for task in retiring:
                task.cancel()
            if self._current is not None:
                await self._current.end(DRAIN_SECONDS)
            await asyncio.gather(*retiring, return_exceptions=True)

    async def _until_over(self, connection: Connection) -> None:
        """Return when another socket is needed. One that can hear nothing any more is closed here."""
        await connection.over()
        log.info("socket ends", reason=connection.reason or "lost")
        if connection.reason == "link_disabled":
            raise GaveUp("Socket Mode is switched off for this app. Switch it on in Slack's app settings, then start again.")
        if connection.dead or connection.reason == "too_many_websockets":
            self._heard_before, self._current = connection.heard_at, None
            await connection.end(DRAIN_SECONDS)

    async def _open_next(self) -> Connection:
        failures = 0
        while True:
            connection = Connection(self._app, self._app_token, self._client, self._greeted)
            try:
                async with AsyncExitStack() as unless_open:
                    unless_open.push_async_callback(connection.end, 0)
                    await connection.open()
                    unless_open.pop_all()
            except (TemporaryError, PermanentError) as error:
                failures += 1
                if failures == MOST_FAILURES:
                    raise GaveUp(f"Slack's socket could not be opened {failures} times in a row: {error}") from error
                pause = _pause(error, failures)
                log.warning("socket not opened", error=str(error), failures=failures, pause=pause)
                await asyncio.sleep(pause)
            else:
                self.opened += 1
                return connection

    async def _retire(self, connection: Connection) -> None:
        """Take what still comes on a socket that has a successor, then close it."""
        try:
            async with asyncio.timeout(HANDOVER_SECONDS):
                await connection.dies()
        except TimeoutError:
            pass  # Slack left it open for the whole time; it has nothing more to say.
        finally:
            await connection.end(DRAIN_SECONDS)

    def _greeted(self, hello: dict[str, Any]) -> None:
        self.connections = int(hello.get("num_connections", 0))
        log.info("socket open", connections=self.connections)
        # One more is this one's predecessor, which is still being drained.
        if self.connections > self._replicas + 1:
            log.warning(
                "Slack counts more sockets than there are replicas; a forgotten one loses clicks",
                connections=self.connections,
                replicas=self._replicas,
            )


def _pause(error: TemporaryError | PermanentError, failures: int) -> float:
    named = error.delay if isinstance(error, TemporaryError) else None
    return max(named or 0.0, min(LONGEST_PAUSE, 2.0 ** (failures - 1)))
