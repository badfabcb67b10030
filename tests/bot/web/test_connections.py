"""Connections: what takes too long or is too many is closed, and room is left for health and for everything else."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from bot.web.connections import ConnectionTable, Phase
from bot.web.limits import MAX_REQUEST_SECONDS, HttpLimits, connection_limit
from bot.web.listener import RETRY_SECONDS
from tests.harness.http_client import connect
from tests.harness.http_server import GET, POST, ServerHarness, harness, serving
from tests.harness.wait import wait_until

__all__ = ["harness"]


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
