"""Tasks that run for as long as the process does. When one of them fails, the process ends."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn


class BackgroundTasks:
    """The background tasks of one process. Each is cancelled when its block ends; a task's error is raised once."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._reported: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def running(self, name: str, work: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
        """Run ``work`` as a task until the block ends, then cancel it and wait for it."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)
            task.cancel()
            # ``wait``, unlike ``await task``, returns without the task's error: the block's own error must not be replaced.
            await asyncio.wait({task})
            if not task.cancelled() and task not in self._reported:
                task.result()

    async def wait_for_failure(self) -> NoReturn:
        """Wait until any task ends, and raise its error. ``RuntimeError`` where it returned without one."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = done.pop()
        self._reported.add(ended)
        ended.result()
        raise RuntimeError(f"{ended.get_name()} ended by itself")
