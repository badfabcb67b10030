"""What strangers can do to a running bot: how long health is silent, and how much memory they can make it hold."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from bot.slack.http import COMMANDS_PATH, MAX_BODY_BYTES
from bot.web.alertmanager import ALERTS_PATH
from tests.bench.mini_slack import mini_slack
from tests.bench.processes import Started, make_home, resident_mib, started_bot
from tests.bench.results import Result

BOMBS = 30
BOMB_BYTES = 1024 * 1024
HALF_SENT = 300
MAX_SILENCE_SECONDS = 0.1
MAX_GROWTH_MIB = 20.0
PROBE_INTERVAL = 0.005
HOLD_SECONDS = 2.0
PATHS = (COMMANDS_PATH, ALERTS_PATH, "/healthz", "/nowhere")


async def strangers(folder: Path) -> list[Result]:
    """Against a whole bot, with Slack's paths and Alertmanager's webhook open."""
    (folder / "strangers").mkdir()
    async with mini_slack() as slack:
        home = await make_home(folder / "strangers", slack.api_url)
        doors = {"DEEPECHO_SLACK__SIGNING_SECRET": "bench", "DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN": "bench"}
        async with started_bot(replace(home, environment=home.environment | doors)) as bot:
            silence = await _silence(bot)
            growth = await _growth(bot)
    return [
        Result("silence of /healthz under 30 strangers' mebibytes of gzip, seconds", silence, MAX_SILENCE_SECONDS, 0.0, 1),
        Result("resident memory under 300 half-sent requests, MiB more", growth, MAX_GROWTH_MIB, 0.0, 1),
    ]


async def _silence(bot: Started) -> float:
    bomb = gzip_bomb(BOMB_BYTES)
    async with _probing(bot.port) as latencies:
        await asyncio.gather(*(_post(bot.port, PATHS[number % len(PATHS)], bomb) for number in range(BOMBS)))
        await asyncio.sleep(0.5)
    return round(max(latencies), 3)


async def _growth(bot: Started) -> float:
    """The most that it held while the requests stood open, against before."""
    await asyncio.sleep(1)
    before = most = resident_mib(bot.pid)
    holding = [asyncio.create_task(_half_send(bot.port)) for _ in range(HALF_SENT)]
    ends = time.monotonic() + HOLD_SECONDS
    while time.monotonic() < ends or not all(task.done() for task in holding):
        most = max(most, resident_mib(bot.pid))
        await asyncio.sleep(0.02)
    for writer in await asyncio.gather(*holding):
        writer.close()
    return round(most - before, 1)


def gzip_bomb(size: int) -> bytes:
    """So many bytes that unpack to a thousand times as many zeros: one block, again and again."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    first = compressor.compress(bytes(1024 * 1024)) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(1024 * 1024)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return (first + block * (size // len(block)))[:size]


async def _post(port: int, path: str, body: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with suppress(ConnectionError):
        writer.write(head.encode() + body)
        await writer.drain()
        await reader.read()
    writer.close()


async def _half_send(port: int) -> asyncio.StreamWriter:
    """A request that may be Slack's, as far as its headers go, without the end of its body."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST {COMMANDS_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES}\r\n"
        f"X-Slack-Request-Timestamp: {int(time.time())}\r\nX-Slack-Signature: v0={'0' * 64}\r\n\r\n"
    )
    with suppress(ConnectionError):
        writer.write(head.encode() + bytes(MAX_BODY_BYTES - 1024))
        await writer.drain()
    return writer


@asynccontextmanager
async def _probing(port: int) -> AsyncIterator[list[float]]:
    """How long each of many requests for ``/healthz`` took, over one connection that stays open."""
    latencies: list[float] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def probe() -> None:
        while True:
            started = time.perf_counter()
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            latencies.append(time.perf_counter() - started)
            await asyncio.sleep(PROBE_INTERVAL)

    probing = asyncio.create_task(probe())
    try:
        yield latencies
        # A probe that waits now counts: it waits still.
        if probing.done():
            probing.result()
    finally:
        probing.cancel()
        writer.close()
