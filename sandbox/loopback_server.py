"""A server of stand-ins: up on loopback for as long as a block lasts."""

from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiohttp import web

HOST = "127.0.0.1"


class LoopbackServer(ABC):
    """``async with``: up on ``url`` until the block ends. Port 0 takes a free one."""

    def __init__(self, port: int) -> None:
        self.url = ""
        self._port = port
        self._stack = AsyncExitStack()

    @abstractmethod
    def application(self) -> web.Application:
        """What is served, made once for each block."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            runner = web.AppRunner(self.application(), handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, HOST, self._port).start()
            self.url = f"http://{HOST}:{runner.addresses[0][1]}"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()
