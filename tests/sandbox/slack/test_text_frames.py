"""The gateway opens a new connection to the local Slack after one has ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web as http

from sandbox.slack.change_counter import ChangeCounter
from sandbox.slack.text_frames import Connect, text_frames


@asynccontextmanager
async def ending_connections(texts: list[str]) -> AsyncIterator[Connect]:
    """A way to connect to a server that sends one of these texts on each connection and ends it; the last one stays open."""

    async def say(request: http.Request) -> http.WebSocketResponse:
        socket = http.WebSocketResponse()
        await socket.prepare(request)
        if texts:
            await socket.send_str(texts.pop(0))
        else:
            await socket.receive()
        return socket

    app = http.Application()
    app.add_routes([http.get("/", say)])
    runner = http.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = http.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession() as session:
        yield lambda: session.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    await runner.cleanup()


async def test_a_connection_that_ended_is_opened_again() -> None:
    async with ending_connections(["one", "two", "three"]) as connect, asyncio.timeout(10):
        texts = text_frames(await connect(), connect)
        received = [(await anext(texts))[1] for _ in range(3)]
        await texts.aclose()
    assert received == ["one", "two", "three"]


async def test_what_was_missed_meanwhile_counts_as_a_change() -> None:
    changes = ChangeCounter()
    async with ending_connections(['{"t": "init"}', '{"t": "init"}', '{"t": "typing"}']) as connect, asyncio.timeout(10):
        listening = asyncio.create_task(changes.listen(await connect(), connect))
        while changes.count < 2:
            await asyncio.sleep(0.01)
        listening.cancel()
        await asyncio.wait([listening])
    assert changes.count == 2


async def test_a_local_slack_that_is_gone_raises() -> None:
    async with ending_connections(["one"]) as connect:
        socket = await connect()

        async def refused() -> aiohttp.ClientWebSocketResponse:
            raise aiohttp.ClientConnectionError

        texts = text_frames(socket, refused)
        assert (await anext(texts))[1] == "one"
        with pytest.raises(aiohttp.ClientConnectionError):
            await anext(texts)
