"""Runs what is queued of timers, as the process does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runbooks.queued_timers import QueuedTimers


@asynccontextmanager
async def running(queue: QueuedTimers) -> AsyncIterator[None]:
    """Run its workers; then stop them as the process does."""
    task = asyncio.create_task(queue.run())
    try:
        async with asyncio.timeout(20):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def run_queued(queue: QueuedTimers) -> None:
    """Work on all that is queued now."""
    async with running(queue):
        await queue.join()
