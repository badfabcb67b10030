"""What strangers can do to the HTTP server: slow, endless, many, malformed. Health answers all the while."""

import asyncio
import gzip
import logging
import time
from contextlib import suppress

import pytest

from bot.web.connections import Phase
from bot.web.limits import MAX_HEAD_BYTES
from bot.web.listener import CannotListen
from bot.web.server import HttpServer
from tests.harness.http_client import connect
from tests.harness.http_server import GET, POST, ServerHarness, harness
from tests.harness.wait import wait_until

__all__ = ["harness"]


async def test_headers_together_have_a_limit(harness: ServerHarness) -> None:
    async with connect(harness.port) as (client,):
        line = b"X-A: " + b"x" * 7000 + b"\r\n"
        with suppress(ConnectionError):
            await client.send(GET[:-2])
            for _ in range(3 * MAX_HEAD_BYTES // len(line)):
                await client.send(line)
        assert b"200" not in await client.wait_closed()
    assert await harness.is_alive()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"X-Many: 1\r\n" * 1000 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /hook HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /hook HTTP/1.1\r\nHost: x\r\n Folded: 1\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_400_without_a_traceback(
    harness: ServerHarness, head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with connect(harness.port) as (client,):
        await client.send(head)
        assert (await client.response())[0] == 400
        await client.wait_closed()
    assert "Traceback" not in caplog.text
    assert await harness.is_alive()


@pytest.mark.parametrize(
    ("rest", "answer"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", (400, "Invalid character in chunk size:")),
        (b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", (400, "Chunk size overflow:")),
        (b"Content-Length: 999999999999\r\n\r\n", (413, "The body is larger than 64 KiB.")),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"2000\r\n" + b"x" * 0x2000 + b"\r\n", None),
        (b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", (415, "Send the body as it is.")),
    ],
)
async def test_bodies_are_refused_in_words(
    harness: ServerHarness, rest: bytes, answer: tuple[int, str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(harness.port) as (client,):
        head, separator, body = (POST + rest).partition(b"\r\n\r\n")
        await client.send(head + separator + body)
        for _ in range(0 if answer else 10):
            await client.send(body)
        assert await client.response() == (answer or (413, "The body is larger than 64 KiB."))
    assert "Traceback" not in caplog.text


async def test_who_leaves_in_the_middle_leaves_no_traceback(harness: ServerHarness, caplog: pytest.LogCaptureFixture) -> None:
    async with connect(harness.port) as (client,):
        await client.send(POST + b"Content-Length: 100\r\n\r\nhalf")
        await wait_until(lambda: [each.phase for each in harness.table] == [Phase.BODY])
        client.writer.transport.abort()
        await wait_until(lambda: len(harness.table) == 0)
    assert await harness.is_alive()
    assert (harness.handled, caplog.text) == (0, "")


async def test_a_body_that_nobody_reads_ends_the_connection_after_the_response(harness: ServerHarness) -> None:
    async with connect(harness.port) as (client,):
        await client.send(b"POST /stranger HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000)
        assert await client.response() == (401, "no")
        await client.send(b"x" * 300_000)
        assert await client.wait_closed() == b""


async def test_nothing_is_inflated_that_was_not_admitted(harness: ServerHarness) -> None:
    """A mebibyte that would become a gibibyte, thirty times; health answers in between."""
    bomb = gzip.compress(b"\0" * 256 * 1024 * 1024, compresslevel=1)[: 1024 * 1024]
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    async with connect(harness.port, 30) as clients:
        started = time.process_time()
        for number, client in enumerate(clients):
            path = (b"/stranger", b"/nowhere", b"/healthz")[number % 3]
            sending = asyncio.create_task(client.send(head % (path, len(bomb)) + bomb))
            assert (await client.response())[0] in (401, 404, 405)
            sending.cancel()
            assert await harness.is_alive()
        assert time.process_time() - started < 3


# HTTP


async def test_who_waits_for_100_gets_it_before_the_body(harness: ServerHarness) -> None:
    async with connect(harness.port, 2) as (admitted, stranger):
        await admitted.send(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert await admitted.response() == (100, "")
        await admitted.send(b"abc")
        assert await admitted.response() == (200, "3")
        await stranger.send(b"POST /stranger HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert await stranger.response() == (401, "no")


async def test_requests_one_after_the_other_and_old_ones_are_answered(harness: ServerHarness) -> None:
    async with connect(harness.port) as (client,):
        await client.send((POST + b"Content-Length: 2\r\n\r\nab") * 3 + GET + b"GET /healthz HTTP/1.0\r\n\r\n")
        answers = [await client.response() for _ in range(5)]
        assert answers == [(200, "2")] * 3 + [(200, "alive")] * 2
        assert await client.wait_closed() == b""


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"GET /nowhere HTTP/1.1", (404, "There is nothing here.")),
        (b"GET /hook HTTP/1.1", (405, "Use POST.")),
        (b"POST /healthz HTTP/1.1", (405, "Use GET, HEAD.")),
        (b"OPTIONS * HTTP/1.1", (404, "There is nothing here.")),
        (b"GET /healthz?verbose=1 HTTP/1.1", (200, "alive")),
    ],
)
async def test_other_paths_and_methods(harness: ServerHarness, request_line: bytes, answer: tuple[int, str]) -> None:
    async with connect(harness.port) as (client,):
        await client.send(request_line + b"\r\nHost: x\r\n\r\n")
        assert await client.response() == answer


async def test_an_address_in_use_is_said_in_a_sentence(harness: ServerHarness) -> None:
    with pytest.raises(CannotListen, match=f"127.0.0.1 port {harness.port} cannot be listened on: Address already in use"):
        await HttpServer("127.0.0.1", harness.port).open()


async def test_closing_ends_idle_connections_and_finishes_requests(harness: ServerHarness) -> None:
    async with connect(harness.port, 2) as (idle, busy):
        await busy.send(b"POST /waiting HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        await wait_until(lambda: Phase.REQUEST in [each.phase for each in harness.table])
        closing = asyncio.create_task(harness.http.close())
        assert await idle.wait_closed() == b""
        harness.go_on.set()
        assert await busy.response() == (200, "done")
        await closing
