"""A process that takes a maintenance window from its begin to its end, and kills itself at one of its points.

A point is before each commit, and before and after each request to Alertmanager and to the cluster. A death within a
transaction is one before its commit: none of it is there.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event

from integrations.alertmanager import open_alertmanager
from storage.engines import open_engines
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.fakes.job_cluster import FileJobCluster
from tests.harness.maintenance import MaintenanceReplica, catalogue_with_jobs

EXTENSION = timedelta(minutes=30)


class MortalClient:
    """Dies before a request, or after its answer."""

    def __init__(self, inner: Any, pass_point: Callable[..., None]) -> None:
        self._inner, self._pass_point = inner, pass_point

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._pass_point()
            found = await method(*args, **kwargs)
            self._pass_point()
            return found

        return call


def run_child(url: str, address: str, jobs: Path, window_id: str, at: datetime, die_at: int) -> bool:
    """Whether it was killed."""
    return is_killed(lambda: _take_through(url, address, jobs, window_id, at, die_at))


def is_killed(work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    """Do the work in a child. It is forked, which takes a tenth of the time of a new interpreter: the parent must run no loop."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            asyncio.run(work())
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"the child ended with {status}"
    return status == signal.SIGKILL


async def _take_through(url: str, address: str, jobs: Path, window_id: str, at: datetime, die_at: int) -> None:
    store = Store(open_engines(url))
    async with open_alertmanager(address) as alertmanager:
        pass_point = countdown(die_at)
        replica = MaintenanceReplica(
            store,
            StoppedClock(at),
            MortalClient(alertmanager, pass_point),
            replica="child",
            catalogue=catalogue_with_jobs(),
            clusters={"main": MortalClient(FileJobCluster(jobs), pass_point)},
        )
        window = await replica.service.find(window_id)
        event.listen(store.engines.write.sync_engine, "commit", pass_point)
        await replica.tick()
        await replica.extend(window, EXTENSION)
        await replica.tick()
        await replica.end(window)
        await replica.tick()
    await store.close()


def countdown(points: int) -> Callable[..., None]:
    """What kills this process when it is called for the last of so many times."""
    left = [points]

    def pass_point(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return pass_point
