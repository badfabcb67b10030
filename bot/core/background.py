"""Tasks that run for as long as the process does. When one of them fails, the process ends."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn


class BackgroundTasks:
    """The tasks of one process, each stopped in its turn. What ended one of them is raised once."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._reported: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def running(self, name: str, work: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
        """Run it until the block ends; then it is cancelled and waited for."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and task not in self._reported:
                task.result()

    async def wait_for_failure(self) -> NoReturn:
        """Wait until any of them ends, and raise what ended it."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = done.pop()
        self._reported.add(ended)
        ended.result()
        raise RuntimeError(f"{ended.get_name()} ended by itself")
