"""Open connections of the HTTP server: each with what it waits for, and who has to go when there is no room."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.core.log_throttle import LogThrottle
from bot.core.metrics import MetricSpec
from bot.web.limits import LINGER_SECONDS, MAX_HEAD_BYTES, MAX_REQUEST_SECONDS, HttpLimits, connection_limit

SWEEP_SECONDS = 1.0
READ_BYTES = 8 * 1024
"""What is read from a connection before others have their turn."""
_read_buffer = memoryview(bytearray(READ_BYTES))

log = structlog.get_logger()


class Phase(Enum):
    """What a connection waits for."""

    HEAD = auto()
    """The rest of the headers; a new connection, the first byte."""
    BODY = auto()
    """The rest of a body that a handler reads."""
    REQUEST = auto()
    """The handler, or that the client takes the response."""
    IDLE = auto()
    """The next request. aiohttp closes it after ``keepalive_timeout``."""
    LINGER = auto()
    """The end of a body that nobody reads. Then it is closed."""


class Connection(web.RequestHandler, asyncio.BufferedProtocol):
    """aiohttp's protocol, which has no limit for the time and the size of all headers together.

    As a buffered protocol it says how much is read at once. Otherwise asyncio reads up to 256 KiB from each of a thousand
    connections before the first handler runs.
    """

    __slots__ = ("_head_bytes", "_table", "peer", "phase", "since")

    def __init__(self, server: web.Server, table: "ConnectionTable", **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._table, self._head_bytes = table, 0
        self.peer, self.phase, self.since = "", Phase.HEAD, self._loop.time()

    @property
    def read_timeout(self) -> float:
        """Seconds for a body."""
        return self._table.limits.read_timeout

    def enter(self, phase: Phase) -> None:
        """What it waits for from now on."""
        self.phase, self.since, self._head_bytes = phase, self._loop.time(), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        address = transport.get_extra_info("peername")
        self.peer = str(address[0]) if address else ""
        self._table.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._table.remove(self)
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 -- asyncio's signature
        """Where the next bytes are written to. All connections share it: ``buffer_updated`` follows at once."""
        return _read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(_read_buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        if self.phase is Phase.IDLE:
            self.enter(Phase.HEAD)
        super().data_received(data)
        if self.phase is Phase.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                # aiohttp's task takes up complete headers in the next iteration of the loop, before this call.
                self._loop.call_soon(self._check_head)

    def _check_head(self) -> None:
        if self.phase is Phase.HEAD and self._head_bytes > MAX_HEAD_BYTES:
            self._table.abort(self)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the response. A body that was not read ends the connection: the next request could begin anywhere in it."""
        if request.content.is_eof():
            finished = await super().finish_response(request, resp, start_time)
            self.enter(Phase.IDLE)
            return finished
        resp.force_close()
        finished = await super().finish_response(request, resp, start_time)
        self.enter(Phase.LINGER)
        return finished

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log errors of handlers. What is not HTTP is the client's fault, and anybody can send it: no traceback for that."""
        if isinstance(kw.get("exc_info"), HttpProcessingError):
            self._table.malformed += 1
            return
        super().log_exception(*args, **kw)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer with aiohttp's words, in one line: the next ones quote what the client sent."""
        return super().handle_error(request, status, exc, message.splitlines()[0] if message else message)


class ConnectionTable:
    """All open connections of one server."""

    def __init__(self, limits: HttpLimits) -> None:
        self.limits, self._max = limits, connection_limit(limits)
        self._connections: dict[Connection, None] = {}
        self._per_peer: Counter[str] = Counter()
        self._full = LogThrottle()
        self.refused = 0
        """Connections that found no room."""
        self.aborted = 0
        """Connections that were too slow, or gave way to newer ones."""
        self.malformed = 0
        """Requests that are not HTTP."""

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._connections)

    @property
    def peers(self) -> int:
        """How many addresses have connections."""
        return len(self._per_peer)

    def add(self, connection: Connection) -> None:
        """Count a new connection."""
        self._connections[connection] = None
        self._per_peer[connection.peer] += 1

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        if connection in self._connections:
            del self._connections[connection]
            self._per_peer[connection.peer] -= 1
            if not self._per_peer[connection.peer]:
                del self._per_peer[connection.peer]

    def admit(self, peer: str) -> bool:
        """Whether one more connection of this peer has room. The one that has waited longest for its client makes room."""
        if self._per_peer[peer] >= self.limits.max_connections_per_peer:
            return self._make_room(peer)
        return len(self) < self._max or self._make_room()

    def _make_room(self, peer: str | None = None) -> bool:
        freed = self.abort_longest_waiting(peer)
        if count := self._full.due():
            log.warning("no room for more connections", connections=len(self), peer=peer or "all", times=count)
        self.refused += not freed
        return freed

    def abort_longest_waiting(self, peer: str | None = None) -> bool:
        """Abort the connection that has waited longest for its client. False where every request is being handled."""
        waiting = [each for each in self._connections if each.phase is not Phase.REQUEST and (peer is None or each.peer == peer)]
        if waiting:
            self.abort(min(waiting, key=lambda each: each.since))
        return bool(waiting)

    def abort(self, connection: Connection) -> None:
        """Cut a connection at once, whatever was not sent yet."""
        self.aborted += 1
        self.remove(connection)
        if connection.transport is not None:
            connection.transport.abort()

    def abort_overdue(self, now: float) -> None:
        """Abort what is slower than the limits. ``now``: the event loop's time."""
        allowed = {
            Phase.HEAD: self.limits.read_timeout,
            Phase.BODY: MAX_REQUEST_SECONDS,
            Phase.REQUEST: MAX_REQUEST_SECONDS,
            Phase.IDLE: self.limits.keepalive_timeout + SWEEP_SECONDS,
            Phase.LINGER: LINGER_SECONDS + SWEEP_SECONDS,
        }
        for connection in list(self._connections):
            if now - connection.since > allowed[connection.phase]:
                self.abort(connection)

    async def run(self) -> None:
        """Abort what is too slow, every second, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.abort_overdue(loop.time())


@contextmanager
def reading_body(request: web.BaseRequest) -> Iterator[float]:
    """Mark a request whose handler waits for the client, and yield how many seconds it may: it may have to make room."""
    connection = request.protocol
    assert isinstance(connection, Connection)  # noqa: S101 -- narrows the type; ``HttpServer`` makes no other
    connection.enter(Phase.BODY)
    try:
        yield connection.read_timeout
    finally:
        connection.enter(Phase.REQUEST)


def connection_metrics(table: ConnectionTable) -> tuple[MetricSpec, ...]:
    """What Prometheus is told of the connections of webhooks and Slack's requests."""
    return (
        MetricSpec("deepecho_http_connections", "gauge", "Open connections", lambda: len(table)),
        MetricSpec("deepecho_http_connections_refused", "counter", "Connections that found no room", lambda: table.refused),
        MetricSpec("deepecho_http_connections_aborted", "counter", "Too slow, or gave way to newer ones", lambda: table.aborted),
        MetricSpec("deepecho_http_requests_malformed", "counter", "Requests that are not HTTP", lambda: table.malformed),
    )
