"""Work that something beside it may end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_unless(interrupt: Callable[[], Awaitable[None]] | None, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, or the error that ``interrupt`` raises before it is there."""
    if interrupt is None:
        return await work
    tasks = working, watching = asyncio.create_task(work), asyncio.ensure_future(interrupt())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            watching.result()
        return await working
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
