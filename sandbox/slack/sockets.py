"""Socket Mode as Slack serves it: each payload to one of the app's connections, acknowledged by envelope id."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from sandbox.slack import people
from sandbox.slack.errors import Json

ACK_SECONDS = 3.0
PING_SECONDS = 10.0
MAX_CONNECTIONS = 10
_HOST = "applink-sandbox"


@dataclass(slots=True, eq=False)
class BotSocket:
    """One of the bot's sockets. A muted one is connected but deaf: nothing goes in or out."""

    socket: web.WebSocketResponse
    number: int
    transport: asyncio.BaseTransport | None
    muted: bool = False
    task: asyncio.Task[None] | None = None

    async def send(self, frame: Json) -> None:
        if not self.muted and not self.socket.closed:
            await self.socket.send_str(json.dumps(frame))


@dataclass(slots=True)
class Envelope:
    """What is under way to the bot; ``answer`` gets the acknowledgement's payload, or None when it has none."""

    id: str
    frame: Json
    answer: asyncio.Future[Json | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SocketModeServer:
    """The bot's connections. ``on_change`` is called when the first one comes or the last one goes."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._connections: list[BotSocket] = []
        self._waiting: dict[str, Envelope] = {}
        self._on_change = on_change
        self._count = 0
        self._next = 0
        self.duplicates_left = 0
        self.sent: list[Json] = []

    @property
    def connected(self) -> bool:
        return bool(self._connections)

    def status(self) -> Json:
        return {
            "connections": len(self._connections),
            "muted": sum(connection.muted for connection in self._connections),
            "opened": self._count,
            "envelopes": len(self.sent),
            "waiting": len(self._waiting),
        }

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Take a connection, greet it, and listen until it ends."""
        socket = web.WebSocketResponse(autoping=False, max_msg_size=0)
        await socket.prepare(request)
        self._count += 1
        connection = BotSocket(socket, self._count, request.transport)
        if len(self._connections) >= MAX_CONNECTIONS:
            await connection.send(_disconnect("too_many_websockets"))
            await socket.close()
            return socket
        self._connections.append(connection)
        self._on_change()
        await connection.send(self._hello())
        connection.task = asyncio.create_task(self._ping(connection))
        try:
            await self._listen(connection)
        finally:
            connection.task.cancel()
            self._connections.remove(connection)
            self._on_change()
        return socket

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "debug_info": {"host": _HOST, "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": people.APP_ID},
        }

    async def _listen(self, connection: BotSocket) -> None:
        async for message in connection.socket:
            if connection.muted:
                continue
            if message.type is WSMsgType.PING:
                await connection.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._acknowledge(json.loads(message.data))

    async def _ping(self, connection: BotSocket) -> None:
        while not connection.socket.closed:
            await asyncio.sleep(PING_SECONDS)
            if not connection.muted and not connection.socket.closed:
                await connection.socket.ping(f"Ping from {_HOST} {time.time():.0f}".encode())

    def _acknowledge(self, frame: Json) -> None:
        envelope = self._waiting.get(str(frame.get("envelope_id")))
        if envelope is not None and not envelope.answer.done():
            envelope.answer.set_result(frame.get("payload"))

    async def deliver(self, kind: str, payload: Json, *, retry: int = 0) -> tuple[bool, Json | None]:
        """Send one envelope to one connection: whether it was acknowledged within 3 s, and with which payload."""
        if not self._open():
            return False, None
        frame: Json = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            frame |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        envelope = Envelope(frame["envelope_id"], frame)
        self._waiting[envelope.id] = envelope
        self.sent.append(frame)
        try:
            for _ in range(self._delivery_count()):
                await self._next_connection().send(frame)
            async with asyncio.timeout(ACK_SECONDS):
                return True, await envelope.answer
        except (TimeoutError, ConnectionError):
            return False, None
        finally:
            del self._waiting[envelope.id]

    def _delivery_count(self) -> int:
        if self.duplicates_left <= 0:
            return 1
        self.duplicates_left -= 1
        return 2

    def _next_connection(self) -> BotSocket:
        """The next connection in turn. Raises `ConnectionError` when all have gone."""
        connections = self._open()
        if not connections:
            raise ConnectionError("no connection is left")
        self._next += 1
        return connections[self._next % len(connections)]

    def _open(self) -> list[BotSocket]:
        return [connection for connection in self._connections if not connection.socket.closed]

    def drop(self) -> int:
        """Cut every connection without a word, as a failing network does; how many."""
        for connection in self._connections:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()
        return len(self._connections)

    def mute(self, *, muted: bool = True) -> int:
        """Make the present connections deaf and dumb, or hearing again; how many. Later ones are not muted."""
        for connection in self._connections:
            connection.muted = muted
        return len(self._connections)

    async def disconnect(self, reason: str) -> int:
        """Announce the end of the present connections (`warning`), or end them (`refresh_requested`)."""
        connections = list(self._connections)
        for connection in connections:
            await connection.send(_disconnect(reason))
            if reason != "warning":
                await connection.socket.close()
        return len(connections)

    async def close(self) -> None:
        for connection in list(self._connections):
            await connection.socket.close(code=1001)


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": _HOST}}
