"""The engine by itself: what waits costs nothing, and what runs elsewhere is never run here."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from domain.errors import TemporaryError
from runbooks.engine.engine import STEP_RETRY_TIMEOUT, Engine
from runbooks.engine.lease import SingleReplicaLease
from tests.harness.cluster_namespace import wait_until

WAITING = 300
MOST_THREADS = 8
"""The engine's own bounded pool."""


@asynccontextmanager
async def open_engine(
    folder: Path, procedure: Callable[[Engine, str], Awaitable[None]], patience: float = STEP_RETRY_TIMEOUT
) -> AsyncIterator[Engine]:
    engine = Engine(f"sqlite:///{folder / 'deepecho.sqlite'}", SingleReplicaLease("replica-1"), step_retry_timeout=patience)

    async def run(operation: str) -> None:
        await procedure(engine, operation)

    await engine.open(run)
    try:
        yield engine
    finally:
        await engine.close()


async def test_three_hundred_waiting_operations_hold_no_threads(tmp_path: Path) -> None:
    woken: list[str] = []

    async def wait(engine: Engine, operation: str) -> None:
        await engine.wait_until_woken(operation)
        woken.append(operation)

    async with open_engine(tmp_path, wait) as engine:
        await engine.start("first")
        before = threading.active_count()
        every = [f"op-{number}" for number in range(WAITING)]

        for each in every:
            await engine.start(each)
        await wait_until(lambda: all(engine.is_running(each) for each in every))

        assert threading.active_count() <= before + MOST_THREADS
        for each in ("first", every[0], every[-1]):
            await engine.wake(each)
        await wait_until(lambda: len(woken) == 3)
        assert set(woken) == {"first", every[0], every[-1]}


async def test_a_second_start_of_the_same_operation_does_nothing(tmp_path: Path) -> None:
    runs: list[str] = []

    async def count(_engine: Engine, operation: str) -> None:
        runs.append(operation)

    async with open_engine(tmp_path, count) as engine:
        await engine.start("op-1")
        await wait_until(lambda: runs == ["op-1"] and not engine.is_running("op-1"))
        await engine.start("op-1")
        await engine.start("op-2")
        await wait_until(lambda: "op-2" in runs)

    assert runs == ["op-1", "op-2"]


async def test_waking_what_was_never_started_or_has_ended_is_harmless(tmp_path: Path) -> None:
    async def nothing(_engine: Engine, _operation: str) -> None:
        await asyncio.sleep(0)

    async with open_engine(tmp_path, nothing) as engine:
        await engine.wake("op-never")
        await engine.start("op-1")
        await wait_until(lambda: not engine.is_running("op-1"))
        await engine.wake("op-1")
        assert await engine.state("op-never") is None


async def test_patience_counts_failures_in_a_row_and_not_the_time_that_a_step_worked(tmp_path: Path) -> None:
    patience, tries, answers = 0.3, list[int](), list[str]()

    async def works_long_then_hiccups() -> str:
        tries.append(1)
        if len(tries) == 1:
            await asyncio.sleep(2 * patience)
        if len(tries) < 3:
            raise TemporaryError("The database did not answer.")
        return "done"

    async def procedure(engine: Engine, operation: str) -> None:
        answers.append(await engine.step(operation, "long", works_long_then_hiccups))

    async with open_engine(tmp_path, procedure, patience=patience) as engine:
        await engine.start("op-1")
        await wait_until(lambda: answers == ["done"])


async def test_patience_ends_when_nothing_answers(tmp_path: Path) -> None:
    ended: list[str] = []

    async def never() -> str:
        raise TemporaryError("The cluster does not answer.")

    async def procedure(engine: Engine, operation: str) -> None:
        try:
            await engine.step(operation, "never", never)
        except TemporaryError as error:
            ended.append(str(error))

    async with open_engine(tmp_path, procedure, patience=0.3) as engine:
        await engine.start("op-1")
        await wait_until(lambda: ended == ["The cluster does not answer."])
