"""Tasks that belong to the stand-in and end with it."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """``close`` cancels all, and raises what one of them failed with."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
