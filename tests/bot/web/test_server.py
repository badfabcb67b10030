"""What strangers can do to the HTTP server: slow, endless, many, malformed. Health answers all the while."""

import asyncio
import gzip
import logging
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.web.bodies import BodyReader, BodyRefused
from bot.web.connections import ConnectionTable, Phase
from bot.web.limits import MAX_HEAD_BYTES, MAX_REQUEST_SECONDS, HttpLimits, connection_limit
from bot.web.listener import RETRY_SECONDS, CannotListen
from bot.web.server import HttpServer
from tests.harness.http_client import connect
from tests.harness.wait import wait_until

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


@pytest.mark.parametrize(
    "sent", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", b"\r\n", b"POST /hook HTTP/1.1\r\nContent-Le"]
)
async def test_headers_that_do_not_end_are_cut(harness: ServerHarness, sent: bytes) -> None:
    async with connect(harness.port) as (client,):
        await client.send(sent)
        await wait_until(lambda: len(harness.table) == 1)
        harness.later(9)
        assert len(harness.table) == 1
        harness.later(11)
        assert await client.wait_closed() == b""
    assert (len(harness.table), harness.table.aborted) == (0, 1)


async def test_a_byte_now_and_then_gains_no_time(harness: ServerHarness) -> None:
    async with connect(harness.port) as (client,):
        await client.send(GET)
        await client.response()
        started = asyncio.get_running_loop().time()
        for byte in GET[:-1]:
            await client.send(bytes([byte]))
        await wait_until(lambda: [each.phase for each in harness.table] == [Phase.HEAD])
        harness.table.abort_overdue(started + 11)
        assert await client.wait_closed() == b""


async def test_a_connection_that_asks_nothing_more_is_closed(harness: ServerHarness) -> None:
    async with connect(harness.port) as (client,):
        await client.send(GET)
        await client.response()
        await wait_until(lambda: [each.phase for each in harness.table] == [Phase.IDLE])
        harness.later(70)
        await client.send(GET)
        assert await client.response() == (200, "alive")
        await wait_until(lambda: [each.phase for each in harness.table] == [Phase.IDLE])
        harness.later(77)
        assert await client.wait_closed() == b""


async def test_the_keepalive_time_is_kept_to() -> None:
    async with serving(HttpLimits(keepalive_timeout=0.1)) as harness, connect(harness.port) as (client,):
        await client.send(GET)
        assert await client.response() == (200, "alive")
        assert await client.wait_closed() == b""


async def test_idle_connections_without_number_leave_room_for_health(harness: ServerHarness) -> None:
    async with connect(harness.port, 450):
        assert await harness.is_alive()
        assert len(harness.table) <= HttpLimits().max_connections_per_peer
        harness.later(11)
        await wait_until(lambda: len(harness.table) == 0)


@pytest.mark.parametrize("rest", [b"Content-Length: 100\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"])
async def test_half_a_body_is_not_waited_for(rest: bytes) -> None:
    async with serving(HttpLimits(read_timeout=0.1)) as harness, connect(harness.port) as (client,):
        await client.send(POST + rest)
        assert await client.response() == (408, "The body took too long.")
        assert harness.handled == 0


async def test_a_response_that_nobody_takes_is_cut(harness: ServerHarness) -> None:
    async with connect(harness.port) as (client,):
        await client.send(b"POST /waiting HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        await wait_until(lambda: [each.phase for each in harness.table] == [Phase.REQUEST])
        harness.later(MAX_REQUEST_SECONDS - 1)
        assert len(harness.table) == 1
        harness.later(MAX_REQUEST_SECONDS + 1)
        assert await client.wait_closed() == b""


# Number


async def test_the_newest_connection_finds_room_and_the_longest_waiting_goes() -> None:
    async with serving(HttpLimits(max_connections=10)) as harness, connect(harness.port, 10) as clients:
        for client in clients:
            await client.send(GET)
            await client.response()
        assert await harness.is_alive()
        assert await clients[0].wait_closed() == b""
        await clients[9].send(GET)
        assert await clients[9].response() == (200, "alive")


async def test_requests_that_are_handled_do_not_give_way() -> None:
    async with serving(HttpLimits(max_connections=5)) as harness, connect(harness.port, 5) as clients:
        for client in clients:
            await client.send(b"POST /waiting HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        await wait_until(lambda: [each.phase for each in harness.table] == [Phase.REQUEST] * 5)
        async with connect(harness.port) as (client,):
            assert await client.wait_closed() == b""
        harness.go_on.set()
        assert [await client.response() for client in clients] == [(200, "done")] * 5
        assert harness.table.refused == 1


def test_one_peer_leaves_room_for_others() -> None:
    table = ConnectionTable(HttpLimits(max_connections=10, max_connections_per_peer=2))
    for _ in range(2):
        table.add(FakeConnection("10.0.0.1", Phase.REQUEST))  # type: ignore[arg-type]
    assert not table.admit("10.0.0.1")
    assert table.admit("10.0.0.2")


class FakeConnection:
    """What the table looks at."""

    def __init__(self, peer: str, phase: Phase) -> None:
        self.peer, self.phase, self.since, self.transport = peer, phase, 0.0, None


def test_a_peer_that_has_left_is_forgotten() -> None:
    table = ConnectionTable(HttpLimits(max_connections_per_peer=1))
    for number in range(1000):
        connection = FakeConnection(f"10.0.0.{number}", Phase.IDLE)
        table.add(connection)  # type: ignore[arg-type]
        table.remove(connection)  # type: ignore[arg-type]
    assert table.peers == 0


def test_descriptors_are_left_for_everything_else() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        assert connection_limit(HttpLimits(max_connections=500)) == 128
        assert connection_limit(HttpLimits(max_connections=100)) == 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("idle", [0, 5])
async def test_a_full_table_of_descriptors_is_one_line_of_log_and_passes(
    harness: ServerHarness, caplog: pytest.LogCaptureFixture, idle: int
) -> None:
    """Idle connections give their descriptors up; without any, clients wait in the kernel until there are some again."""
    async with connect(harness.port, idle) as clients:
        await wait_until(lambda: len(harness.table) == idle)
        with (
            capture_logs() as events,
            socket.create_connection(("127.0.0.1", harness.port)) as late,
            no_more_descriptors(),
        ):
            late.sendall(GET)
            late.setblocking(False)
            await wait_until(lambda: bool(events))
            if clients:
                assert b"alive" in await asyncio.get_running_loop().sock_recv(late, 1000)
            else:
                await asyncio.sleep(2 * RETRY_SECONDS)
    assert [each["event"] for each in events] == ["connections cannot be accepted"]
    assert caplog.text == ""
    assert await harness.is_alive()


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """This process may open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Size


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
