"""Accepts connections.

With a full table of descriptors, asyncio's own server fails a hundred times a second and logs a traceback each time, in Python
before 3.13; and it knows no limit of connections.
"""

import asyncio
import errno
import socket
from collections.abc import Callable

import structlog

from bot.core.log_throttle import LogThrottle
from bot.web.connections import ConnectionTable
from domain.errors import DeepechoError

BACKLOG = 256
"""Connections that the kernel keeps until they are accepted."""
ACCEPTED_AT_ONCE = 16
"""Connections that are accepted before other work has its turn."""
RETRY_SECONDS = 0.5
"""Pause after a failed accept: the descriptors that were missing are free again or not."""
_ABANDONED = {errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ECONNRESET}
"""The client left, or a firewall refused it, before it was accepted: see accept(2)."""

log = structlog.get_logger()


class CannotListen(DeepechoError):
    """The address cannot be listened on: it is in use, or not of this machine."""


class Listener:
    """Listens on one address and gives each connection a protocol."""

    def __init__(self, make_protocol: Callable[[], asyncio.Protocol], table: ConnectionTable) -> None:
        self._make_protocol, self._table = make_protocol, table
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[object]] = set()
        self._failed = LogThrottle()

    async def open(self, host: str, port: int) -> int:
        """Listen on every address of the host, and return the port; 0 takes any. Raises ``CannotListen``."""
        try:
            # Not in the loop's executor, which is DBOS's and ends with it: a name of this machine is looked up at once.
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, address in dict.fromkeys((each[0], each[4]) for each in found):
                self._sockets.append(_listen(family, (address[0], port, *address[2:])))
                port = port or self._sockets[0].getsockname()[1]
        except OSError as error:
            await self.close()
            raise CannotListen(f"{host} port {port} cannot be listened on: {error.strerror}.") from error
        for each in self._sockets:
            self._run(self._accept(each))
        return port

    async def close(self) -> None:
        """Accept no more."""
        for task in self._tasks:
            task.cancel()
        # Until they have ended, the loop still watches the sockets' descriptors, which others may get when they are free.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._sockets:
            each.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for _ in range(ACCEPTED_AT_ONCE):
                try:
                    accepted, address = await loop.sock_accept(listening)
                except OSError as error:
                    await self._recover(error)
                else:
                    self._admit(accepted, address[0])
            await asyncio.sleep(0)

    def _admit(self, accepted: socket.socket, peer: str) -> None:
        if self._table.admit(peer):
            self._run(asyncio.get_running_loop().connect_accepted_socket(self._make_protocol, accepted))
        else:
            accepted.close()

    async def _recover(self, error: OSError) -> None:
        """Wait until accepting may work again. The connection that has waited longest for its client gives up its descriptor."""
        if error.errno in _ABANDONED:
            return
        freed = self._table.abort_longest_waiting()
        if count := self._failed.due():
            log.error("connections cannot be accepted", error=error.strerror, connections=len(self._table), times=count)
        await asyncio.sleep(0 if freed else RETRY_SECONDS)

    def _run(self, work: "asyncio._CoroutineLike[object]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _listen(family: int, address: tuple[object, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
