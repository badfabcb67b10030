"""A paging worker in a process of its own that ends itself with SIGKILL at one point, and writes down every point it passes.

``python -m tests.harness.page_crash_child <database> <folder> <number of the point to die at, or 0>``. What a way accepts is a
line of ``accepted``, synced before anything else happens; the process ends by itself when nothing is left to do.
"""

import asyncio
import os
import random
import signal
import sys
from datetime import timedelta
from pathlib import Path

from domain.paging.pages import PageState
from domain.paging.ways import Handover, PageMessage, Receipt, RetryRule
from runbooks.paging.listeners import PageListeners
from runbooks.paging.processing import PageProcessor
from runbooks.paging.sending import PageSender
from runbooks.paging.worker import PageWorker, WorkerOptions
from storage.engines import open_engines
from storage.pages import PageRepository
from storage.store import Store
from tests.harness.fakes.clock import NOW, StoppedClock
from tests.harness.paging import paging_catalogue

STEPS = (
    {"whom": ["oncall"], "ways": ["pagerduty:platform"], "wait_minutes": 1},
    {"whom": ["person:lee"], "ways": ["sms", "email"], "wait_minutes": 1},
)
SUBJECT = "inc-x4k2"


class FileWay:
    """Writes what it accepts to a file, as another system would remember it."""

    retries = RetryRule(3, 0.05, 0.1)

    def __init__(self, name: str, file: Path, *, mirrors: bool = False) -> None:
        self.name, self._file, self.mirrors, self.repeats_safely = name, file, mirrors, mirrors

    async def send(self, message: PageMessage, destination: str) -> Receipt:
        with self._file.open("a") as file:
            file.write(f"{self.name} {message.action} {message.dedup_key} {destination}\n")
            file.flush()
            os.fsync(file.fileno())
        return Receipt(Handover.ACCEPTED)


class DieAtPoint:
    """Counts the points that are passed, also those of earlier processes, and ends the process at the one that is wanted."""

    def __init__(self, trace: Path, die_at: int) -> None:
        self._trace, self._die_at = trace, die_at

    def __call__(self, _page: str, step: str, point: str) -> None:
        with self._trace.open("a") as trace:
            trace.write(f"{step}/{point}\n")
        if len(self._trace.read_text().splitlines()) == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(database: str, folder: Path, die_at: int) -> None:
    store, catalogue, clock = Store(open_engines(database)), paging_catalogue(*STEPS), StoppedClock(NOW)
    accepted = folder / "accepted"
    ways = {
        "pagerduty": FileWay("pagerduty", accepted, mirrors=True),
        "sms": FileWay("sms", accepted),
        "email": FileWay("email", accepted),
    }

    async def on_call(_tx: object, _team: str) -> tuple[()]:
        return ()

    processor = PageProcessor(
        store=store, clock=clock, catalogue=lambda: catalogue, ways=ways, on_call=on_call, listeners=PageListeners()
    )
    observe = DieAtPoint(folder / "trace", die_at)
    sender = PageSender(store, clock, ways, rng=random.Random(1), observe=observe)  # noqa: S311 -- no secret
    worker = PageWorker(
        store,
        clock,
        lambda: catalogue,
        processor,
        sender,
        replica=f"child-{os.getpid()}",
        check_lease=lambda: None,
        notify_outbox=lambda: None,
        options=WorkerOptions(dead_after=timedelta(seconds=0)),
    )
    await _tell(store, clock, worker)
    await store.close()


async def _tell(store: Store, clock: StoppedClock, worker: PageWorker) -> None:
    """The story: call, escalate, nobody answers, the incident ends. Steps that a dead process has done are not repeated."""
    for _ in range(4):
        await _work(worker)
        clock.advance(timedelta(minutes=1))
        async with store.read() as tx:
            (page,) = await tx.of(PageRepository).of_subject(SUBJECT)
        if page.state is PageState.UNANSWERED:
            async with store.write() as tx:
                await tx.of(PageRepository).stop(SUBJECT, clock.now(), "resolved")
    await _work(worker)


async def _work(worker: PageWorker) -> None:
    for _ in range(6):
        async with asyncio.TaskGroup() as sends:
            while await worker.run_once(sends) == 0.0:
                pass


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
