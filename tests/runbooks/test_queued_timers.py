"""Timers whose work asks another system: what waits for what, and what happens to their rows."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from domain.errors import PermanentError, TemporaryError
from runbooks.queued_timers import WORK_SECONDS, WORKERS, QueuedTimers
from storage.timers import TIMER_CLAIM_TIMEOUT, Timer
from tests.harness.fakes.clock import StoppedClock
from tests.harness.queued_timers import running
from tests.harness.wait import wait_until

SECOND = timedelta(seconds=1)


@dataclass
class Work:
    """Waits for ``released`` where its subject is in ``slow``, and raises what ``errors`` say of it."""

    slow: set[str] = field(default_factory=set)
    errors: dict[str, Exception] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, timer: Timer) -> None:
        self.begun.append(timer.key)
        if timer.subject in self.slow:
            await self.released.wait()
        if timer.subject in self.errors:
            raise self.errors[timer.subject]
        self.done.append(timer.key)


def timer(subject: str, number: int = 1) -> Timer:
    return Timer(f"{subject}-{number}", "ask", subject, datetime(2026, 11, 23, 14, tzinfo=StoppedClock().now().tzinfo))


async def test_one_that_hangs_keeps_no_other_subject_waiting() -> None:
    clock, work = StoppedClock(), Work(slow={"slow"})
    queue = QueuedTimers("asking", clock, work)
    async with running(queue):
        for subject in ("slow", "one", "two"):
            await queue.submit(timer(subject), clock.now())
        await wait_until(lambda: work.done == ["one-1", "two-1"])
        assert work.begun == ["slow-1", "one-1", "two-1"]


async def test_a_subject_that_hangs_takes_one_worker_however_often_it_is_set_anew() -> None:
    clock, work = StoppedClock(), Work(slow={"slow"})
    queue = QueuedTimers("asking", clock, work)
    async with running(queue):
        for number in range(2 * WORKERS):
            await queue.submit(timer("slow", number), clock.now())
        await queue.submit(timer("one"), clock.now())
        await wait_until(lambda: work.done == ["one-1"])
        assert work.begun == ["slow-0", "one-1"]


async def test_what_is_set_anew_meanwhile_comes_right_after_and_never_beside() -> None:
    clock, work = StoppedClock(), Work(slow={"slow"})
    queue = QueuedTimers("asking", clock, work)
    async with running(queue):
        await queue.submit(timer("slow", 1), clock.now())
        await wait_until(lambda: work.begun == ["slow-1"])
        await queue.submit(timer("slow", 2), clock.now())
        await queue.submit(timer("one"), clock.now())
        await wait_until(lambda: work.done == ["one-1"])
        assert work.begun == ["slow-1", "one-1"]
        work.released.set()
        await queue.join()
    assert work.done == ["one-1", "slow-1", "slow-2"]


async def test_one_that_is_set_anew_again_and_again_comes_once_and_another_of_its_subject_too() -> None:
    clock, work = StoppedClock(), Work(slow={"slow"})
    queue = QueuedTimers("asking", clock, work)
    async with running(queue):
        await queue.submit(timer("slow", 1), clock.now())
        await wait_until(lambda: work.begun == ["slow-1"])
        for number in (2, 1, 2, 1):
            await queue.submit(timer("slow", number), clock.now())
        await queue.submit(timer("one"), clock.now())
        await wait_until(lambda: work.done == ["one-1"])
        work.released.set()
        await queue.join()
    assert work.done == ["one-1", "slow-1", "slow-2", "slow-1"]


async def test_what_waited_too_long_is_left_to_its_next_claim() -> None:
    clock, work = StoppedClock(), Work()
    queue = QueuedTimers("asking", clock, work)
    assert queue.max_queue_age + WORK_SECONDS * SECOND == TIMER_CLAIM_TIMEOUT
    await queue.submit(timer("old"), clock.now())
    clock.advance(SECOND)
    await queue.submit(timer("new"), clock.now())
    clock.advance(queue.max_queue_age - SECOND)
    async with running(queue):
        await queue.join()
    assert work.begun == ["new-1"]


@pytest.mark.parametrize("error", [TemporaryError("It is down."), PermanentError("It refuses."), ValueError("a bug")], ids=repr)
async def test_an_error_ends_neither_the_queue_nor_its_subject(error: Exception) -> None:
    clock, work = StoppedClock(), Work(errors={"bad": error})
    queue = QueuedTimers("asking", clock, work)
    with capture_logs() as events:
        async with running(queue):
            for subject in ("bad", "one"):
                await queue.submit(timer(subject), clock.now())
            await queue.join()
            work.errors.clear()
            await queue.submit(timer("bad", 2), clock.now())
            await queue.join()
    assert work.done == ["one-1", "bad-2"]
    (event,) = events
    assert (event["work"], event["subject"]) == ("asking", "bad")
    assert "retrying in a minute" in event["event"]


async def test_work_that_never_ends_is_given_up_and_its_subject_is_free_again() -> None:
    clock, work = StoppedClock(), Work(slow={"slow"})
    queue = QueuedTimers("asking", clock, work, work_seconds=0.05)
    async with running(queue):
        await queue.submit(timer("slow", 1), clock.now())
        await queue.join()
        work.slow.clear()
        await queue.submit(timer("slow", 2), clock.now())
        await queue.join()
    assert work.done == ["slow-2"]
