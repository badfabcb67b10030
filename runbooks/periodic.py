"""Background work: repeated at an interval, or earlier when woken, until the process ends."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NoReturn, TypeVar

import structlog

from domain.errors import TemporaryError

log = structlog.get_logger()

T = TypeVar("T")


class RepeatedWork:
    """Work that is repeated anyway, so that a TemporaryError is only logged. Other errors are raised.

    The first failure in a row is logged as a warning, further ones at debug level, and the recovery as info.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_failing = False

    async def attempt(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do the work. Returns its result; None if it failed."""
        try:
            result = await work()
        except TemporaryError as error:
            event = log.debug if self.is_failing else log.warning
            event("background work failed, retrying", work=self.name, error=str(error))
            self.is_failing = True
            return None
        if self.is_failing:
            log.info("background work recovered", work=self.name)
            self.is_failing = False
        return result


async def run_periodically(
    name: str, interval: timedelta, work: Callable[[], Awaitable[float | None]], *, wake: asyncio.Event | None = None
) -> NoReturn:
    """Do the work, then again after the interval or as soon as ``wake`` is set.

    The work may return other seconds to wait, such as 0 if more is waiting. The interval runs from the end of the work, so that
    slow work never overlaps itself.
    """
    repeated, wake = RepeatedWork(name), wake or asyncio.Event()
    while True:
        # Cleared before the work, not after: a wake-up during the work may be about something that it has already passed.
        wake.clear()
        pause = await repeated.attempt(work)
        await wait_until_set(wake, interval.total_seconds() if pause is None else pause)


async def wait_until_set(event: asyncio.Event, timeout_seconds: float) -> None:
    """Wait until the event is set, or the timeout has passed."""
    try:
        async with asyncio.timeout(timeout_seconds):
            await event.wait()
    except TimeoutError:
        return
