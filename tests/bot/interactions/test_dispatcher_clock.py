"""The clock only wakes things up, but it does so whatever happened the time before."""

import asyncio
import time

from bot.core.ticker import run_every_second
from domain.errors import TemporaryError
from tests.harness.wait import wait_until


async def test_a_tick_that_fails_is_followed_by_the_next() -> None:
    ticks = 0

    async def run_due() -> None:
        nonlocal ticks
        ticks += 1
        raise TemporaryError("The database does not answer.")

    async with run_every_second(run_due):
        await wait_until(lambda: ticks >= 2)


async def test_a_long_pause_of_the_process_is_made_up_for_by_one_tick() -> None:
    ticked = asyncio.Event()

    async def run_due() -> None:
        ticked.set()

    async with run_every_second(run_due):
        await ticked.wait()
        ticked.clear()
        # The scheduler's own default would drop a tick that comes more than a second late.
        time.sleep(2.5)  # noqa: ASYNC251 -- the pause is what is tested
        async with asyncio.timeout(1):
            await ticked.wait()


async def test_no_two_ticks_at_once() -> None:
    at_once = most = 0

    async def run_due() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(1.5)
        at_once -= 1

    async with run_every_second(run_due):
        await wait_until(lambda: most > 0)
        await asyncio.sleep(1.2)
    assert most == 1
