"""The clock that wakes things up. It holds no state: what is due is a row in the database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from runbooks.periodic import RepeatedWork

TICK_SECONDS = 1


@asynccontextmanager
async def run_every_second(run_due: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Call ``run_due`` every second. One that takes longer is not called a second time meanwhile."""
    timer_tick = RepeatedWork("timer tick")

    async def tick() -> None:
        await timer_tick.attempt(run_due)

    # Without the two settings a tick that comes late, as after a long pause of the process, would be dropped.
    scheduler = AsyncIOScheduler(job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}, timezone="UTC")
    scheduler.add_job(tick, "interval", seconds=TICK_SECONDS)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
