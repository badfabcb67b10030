"""The one-second tick that runs due timers. It holds no state: timers are rows in the database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from runbooks.periodic import RepeatedWork

TICK_SECONDS = 1


@asynccontextmanager
async def run_every_second(run_due: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Call ``run_due`` every second, never twice at the same time."""
    timer_tick = RepeatedWork("timer tick")

    async def tick() -> None:
        await timer_tick.attempt(run_due)

    # APScheduler drops a tick that is a second late, as after a pause of the process, unless the grace time is unlimited.
    # With it, coalescing turns the ticks that were missed into one.
    scheduler = AsyncIOScheduler(job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}, timezone="UTC")
    scheduler.add_job(tick, "interval", seconds=TICK_SECONDS)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
