"""A TCP proxy in front of a server, which loses answers when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass


@dataclass
class LossyProxy:
    """``lose_after``: once a client has sent these bytes, the server gets them and its answer is lost. None: nothing is lost.

    ``hang``: the answer is withheld in place of the connection being cut.
    """

    host: str
    port: int
    own_port: int = 0
    lose_after: bytes | None = None
    hang: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(self.host, self.port)
        lost = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._forward(reader, upstream_writer, lost))
                tasks.create_task(self._answer(upstream_reader, writer, lost))
        finally:
            for each in (writer, upstream_writer):
                each.transport.abort()
                with suppress(ConnectionError):
                    await each.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        seen = b""
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                seen += chunk
                if self.lose_after is not None and self.lose_after in seen:
                    lost.set()
                upstream.write(chunk)
                await upstream.drain()
        upstream.close()

    async def _answer(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while chunk := await upstream.read(65536):
                if lost.is_set():
                    if self.hang:
                        continue
                    break
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def lossy_proxy(host: str, port: int) -> AsyncIterator[LossyProxy]:
    """In front of ``host:port``, on a free port of loopback."""
    proxy = LossyProxy(host, port)
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.own_port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
