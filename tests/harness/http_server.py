"""The HTTP server over bare sockets, for tests of what strangers send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from bot.web.bodies import BodyReader, BodyRefused
from bot.web.connections import ConnectionTable
from bot.web.limits import HttpLimits
from bot.web.server import HttpServer
from tests.harness.http_client import connect

MAX_BODY = 64 * 1024
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /hook HTTP/1.1\r\nHost: x\r\n"


@dataclass
class ServerHarness:
    """A server with one page and one hook, which reads its body and answers with its length."""

    http: HttpServer
    port: int = 0
    bodies: BodyReader = field(default_factory=lambda: BodyReader(max_bytes=MAX_BODY, max_total=4 * MAX_BODY))
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    handled: int = 0

    @property
    def table(self) -> ConnectionTable:
        return self.http.connections

    async def healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive")

    async def hook(self, request: web.Request) -> web.Response:
        try:
            async with self.bodies.reading(request) as body:
                self.handled += 1
                return web.Response(text=str(len(body)))
        except BodyRefused as error:
            return web.Response(status=error.status, text=str(error))

    async def stranger(self, _request: web.Request) -> web.Response:
        return web.Response(status=401, text="no")

    async def waiting(self, _request: web.Request) -> web.Response:
        await self.go_on.wait()
        return web.Response(text="done")

    def later(self, seconds: float) -> None:
        """The server looks at its connections, as it will in so many seconds."""
        self.table.abort_overdue(asyncio.get_running_loop().time() + seconds)

    async def is_alive(self) -> bool:
        async with connect(self.port) as (client,):
            await client.send(GET)
            return await client.response() == (200, "alive")


@asynccontextmanager
async def serving(limits: HttpLimits | None = None) -> AsyncIterator[ServerHarness]:
    harness = ServerHarness(HttpServer("127.0.0.1", 0, limits))
    harness.http.add("/healthz", harness.healthz)
    harness.http.reserve("/hook", "/stranger", "/waiting")
    for path, handler in (("/hook", harness.hook), ("/stranger", harness.stranger), ("/waiting", harness.waiting)):
        harness.http.enable(handler, path)
    harness.port = await harness.http.open()
    try:
        yield harness
    finally:
        harness.go_on.set()
        await harness.http.close()


@pytest.fixture
async def harness() -> AsyncIterator[ServerHarness]:
    async with serving() as opened:
        yield opened


# Time
