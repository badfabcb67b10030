"""The HTTP servers: one for webhooks and Slack's requests, and where an operator wants it another for health and metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from bot.web.connections import Connection, ConnectionTable, Phase
from bot.web.limits import LINGER_SECONDS, HttpLimits
from bot.web.listener import Listener

READ_BUFFER_BYTES = 64 * 1024
"""What is read ahead of a handler, twice of which may wait in memory."""
CLOSE_SECONDS = 1.0

RequestHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpServer:
    """One address. It opens before the other components, so that probes are answered during the start."""

    def __init__(self, host: str, port: int, limits: HttpLimits | None = None) -> None:
        self.limits = limits or HttpLimits()
        self._host, self._port = host, port
        self._pages: dict[str, RequestHandler] = {}
        self._reserved: dict[str, str] = {}
        self._handlers: dict[str, RequestHandler] = {}
        self.connections = ConnectionTable(self.limits)
        self._server: _Server | None = None
        self._listener: Listener | None = None
        self._sweeper: asyncio.Task[None] | None = None

    def is_enabled(self, *paths: str) -> bool:
        """Whether requests for all these paths are passed on."""
        return self._handlers.keys() >= set(paths)

    def add(self, path: str, handler: RequestHandler) -> None:
        """Serve a path with GET. Call it before ``open``."""
        self._pages[path] = handler

    def reserve(self, *paths: str, method: str = "POST") -> None:
        """Reserve paths for POST or GET. They answer 503 until ``enable``, so the caller retries. Call it before ``open``."""
        self._reserved.update(dict.fromkeys(paths, method))

    def enable(self, handler: RequestHandler, *paths: str) -> None:
        """Pass requests for these paths to ``handler`` from now on."""
        self._handlers.update(dict.fromkeys(paths, handler))

    def disable(self) -> None:
        """Answer 503 on all reserved paths from now on: the process is stopping."""
        self._handlers.clear()

    async def open(self) -> int:
        """Listen, and return the port. Raises ``CannotListen``."""
        server = self._server = _Server(self._dispatch, self.connections, self.limits)
        self._listener = Listener(server, self.connections)
        port = await self._listener.open(self._host, self._port)
        self._sweeper = asyncio.create_task(self.connections.run())
        return port

    async def close(self) -> None:
        """Stop listening, and finish running requests within a second."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._listener is not None:
            await self._listener.close()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(CLOSE_SECONDS)

    async def _dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.Request)  # noqa: S101 -- narrows the type; ``_Server`` makes no other
        page = self._pages.get(request.path)
        if page is not None:
            return await page(request) if request.method in ("GET", "HEAD") else _wrong_method("GET, HEAD")
        method = self._reserved.get(request.path)
        if method is None:
            return web.Response(status=404, text="There is nothing here.")
        allowed = ("GET", "HEAD") if method == "GET" else (method,)
        if request.method not in allowed:
            return _wrong_method(", ".join(allowed))
        handler = self._handlers.get(request.path)
        if handler is None:
            return web.Response(status=503, text="Not ready yet.", headers={"Retry-After": "5"})
        return await handler(request)


def _wrong_method(allowed: str) -> web.Response:
    return web.Response(status=405, text=f"Use {allowed}.", headers={"Allow": allowed})


class _Server(web.Server):
    """aiohttp's server with connections that have limits. Bodies stay as they came: inflating is for who is admitted."""

    def __init__(
        self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], table: ConnectionTable, limits: HttpLimits
    ) -> None:
        super().__init__(handler, request_factory=_make_request)
        self._table = table
        self._options: dict[str, Any] = {
            "keepalive_timeout": limits.keepalive_timeout,
            "lingering_time": LINGER_SECONDS,
            "read_bufsize": READ_BUFFER_BYTES,
            "auto_decompress": False,
            "access_log": None,
        }

    def __call__(self) -> Connection:
        return Connection(self, self._table, **self._options)


def _make_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.Request:
    assert isinstance(protocol, Connection)  # noqa: S101 -- ``_Server`` makes no other
    protocol.enter(Phase.REQUEST)
    return web.Request(message, payload, protocol, writer, task, asyncio.get_running_loop())
