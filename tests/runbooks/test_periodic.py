"""Background work: what is repeated, when, and what an operator reads of its failures."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from domain.errors import DeepechoError, PermanentError, TemporaryError
from runbooks.periodic import RepeatedWork, run_periodically
from runbooks.retries import requested_pause, retry_attempts
from tests.harness.debug_log import debug_log

NEVER = timedelta(hours=1)


@asynccontextmanager
async def running(
    interval: timedelta, work: Callable[[], Awaitable[float | None]], wake: asyncio.Event | None = None
) -> AsyncIterator[None]:
    task = asyncio.create_task(run_periodically("sweep", interval, work, wake=wake))
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Rounds:
    """Work that counts its rounds and answers what it was given."""

    def __init__(self, *answers: float | None) -> None:
        self._answers = list(answers)
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self._count = 0

    async def __call__(self) -> float | None:
        self._count += 1
        self.begun.put_nowait(self._count)
        return self._answers.pop(0) if self._answers else None


async def test_it_is_done_at_once_and_again_after_the_interval() -> None:
    rounds = Rounds()
    async with running(timedelta(milliseconds=1), rounds):
        assert [await rounds.begun.get() for _ in range(3)] == [1, 2, 3]


async def test_it_is_done_earlier_when_woken_and_at_once_where_more_is_waiting() -> None:
    rounds, wake = Rounds(0, 0), asyncio.Event()
    async with running(NEVER, rounds, wake):
        assert [await rounds.begun.get() for _ in range(3)] == [1, 2, 3]
        assert rounds.begun.empty()
        wake.set()
        assert await rounds.begun.get() == 4


async def test_an_outage_is_logged_once_with_its_end() -> None:
    sweep = RepeatedWork("sweep")
    outcomes = iter([TemporaryError("The database does not answer."), TemporaryError("Still not."), None, None])

    async def work() -> None:
        if (error := next(outcomes)) is not None:
            raise error

    with debug_log() as logs:
        for _ in range(4):
            await sweep.attempt(work)
    told = [(entry["log_level"], entry["event"], entry.get("error")) for entry in logs]
    assert told == [
        ("warning", "background work failed, retrying", "The database does not answer."),
        ("debug", "background work failed, retrying", "Still not."),
        ("info", "background work recovered", None),
    ]
    assert {entry["work"] for entry in logs} == {"sweep"}


async def test_an_outage_ends_nothing_and_any_other_error_does() -> None:
    outcomes = iter([TemporaryError("away"), PermanentError("The catalogue is gone.")])

    async def work() -> None:
        raise next(outcomes)

    with pytest.raises(PermanentError, match="The catalogue is gone"):
        async with asyncio.timeout(10):
            await run_periodically("sweep", timedelta(milliseconds=1), work)


async def attempts_at(errors: Sequence[DeepechoError], attempts: int | None = None) -> int:
    """How many attempts it took, where each fails with its error until there are no more errors."""
    left = iter(errors)
    async for attempt in retry_attempts(initial=0.001, maximum=0.01, attempts=attempts):
        with attempt:
            if (error := next(left, None)) is not None:
                raise error
            return attempt.num
    raise AssertionError("the last attempt returns or raises")


async def test_an_attempt_is_repeated_with_its_reason_in_the_log() -> None:
    with capture_logs() as logs:
        assert await attempts_at([TemporaryError("away"), TemporaryError("still away")]) == 3
    assert [(entry["event"], entry["attempt"], entry["error"]) for entry in logs] == [
        ("attempt failed, retrying", 1, "away"),
        ("attempt failed, retrying", 2, "still away"),
    ]


async def test_the_last_attempt_raises_its_own_error() -> None:
    with pytest.raises(TemporaryError, match="still away"):
        await attempts_at([TemporaryError("away"), TemporaryError("still away")], attempts=2)


async def test_a_server_that_names_a_delay_is_given_it() -> None:
    with capture_logs() as logs:
        await attempts_at([TemporaryError("slow down", 0.05)])
    assert [entry["seconds"] for entry in logs] == [0.05]


async def test_an_error_that_trying_again_does_not_help_is_not_repeated() -> None:
    with capture_logs() as logs, pytest.raises(PermanentError):
        await attempts_at([PermanentError("no")])
    assert logs == []


def test_a_server_that_asks_to_wait_for_long_is_waited_for_half_a_minute() -> None:
    assert requested_pause(TemporaryError("Later.", 7.0)) == 7.0
    assert requested_pause(TemporaryError("Much later.", 120.0)) == 30.0
    assert requested_pause(TemporaryError("No idea when.")) is True
