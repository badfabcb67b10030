"""Killed at every step of a window: freeze, silences and Jobs are right after each restart, and at the end nothing is left."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.alerts.silences import Silence
from domain.maintenance.window import SilenceState, WindowState
from domain.matchers import Matcher, Operator
from integrations.alertmanager import Alertmanager, open_alertmanager
from storage.engines import open_engines
from storage.store import Store
from tests.contract.test_maintenance_silences import fire, hidden
from tests.harness.crash_databases import FreshDatabases
from tests.harness.fakes.clock import StoppedClock
from tests.harness.fakes.job_cluster import FileJobCluster
from tests.harness.maintenance import MaintenanceReplica, catalogue_with_jobs
from tests.harness.maintenance_child import run_child
from tests.harness.monitoring_servers import running_alertmanager

pytestmark = pytest.mark.crash

CLAIM_EXPIRED = timedelta(seconds=61)
MIN_POINTS, MAX_POINTS = 35, 140


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    with running_alertmanager(folder) as found:
        fire(found)
        yield found


@asynccontextmanager
async def replica_at(url: str, address: str, jobs: Path, at: datetime) -> AsyncIterator[tuple[MaintenanceReplica, Alertmanager]]:
    store = Store(open_engines(url))
    async with open_alertmanager(address) as alertmanager:
        cluster = FileJobCluster(jobs)
        catalogue = catalogue_with_jobs()
        replica = MaintenanceReplica(
            store, StoppedClock(at), alertmanager, replica="next", catalogue=catalogue, clusters={"main": cluster}
        )
        yield replica, alertmanager
    await store.close()


async def standing(alertmanager: Alertmanager) -> list[Silence]:
    return [each for each in await alertmanager.silences() if each.in_force and each.by == "deepecho"]


async def prepare(url: str, address: str, jobs: Path, number: int, at: datetime) -> str:
    async with replica_at(url, address, jobs, at) as (replica, _):
        # Both databases share the Alertmanager, which remembers what has ended: an id must not come twice.
        return (await replica.plan(f"{url.partition(':')[0]}-{number}")).id


async def recover(url: str, address: str, jobs: Path, window_id: str, at: datetime) -> WindowState:
    """The next process: what it finds, what it makes of that, and what is left at the end."""
    async with replica_at(url, address, jobs, at + CLAIM_EXPIRED) as (replica, alertmanager):
        await replica.tick()
        window = await replica.service.find(window_id)
        found = window.state
        is_running = found is WindowState.RUNNING
        assert await replica.is_frozen() is is_running
        assert [each.ends_at for each in await standing(alertmanager)] == [
            window.frozen_until.replace(microsecond=window.frozen_until.microsecond // 1000 * 1000)
        ] * is_running
        assert await hidden(alertmanager) == ["rate", "unnamed"][not is_running :]
        if is_running:
            await replica.end(window)
        for _ in range(3):
            await replica.tick()
            replica.clock.advance(CLAIM_EXPIRED)
        assert (await standing(alertmanager), await replica.is_frozen()) == ([], False)
        async with replica.store.read() as tx:
            assert await tx.timers.due(at + timedelta(days=1)) == ()
        over = await replica.find(window)
        assert {each.state for each in over.silences} <= {SilenceState.OVER}
        assert all(each.state.is_final for each in over.jobs)
        assert over.health_after is not None, "the report waits for nothing more"
        return found


async def make_foreign(address: str) -> str:
    async with open_alertmanager(address) as alertmanager:
        now = datetime.now(UTC)
        matchers = (Matcher("alertname", Operator.EQUAL, "aXb"),)
        return await alertmanager.create_silence(
            matchers, starts_at=now, ends_at=now + timedelta(hours=3), by="kim", comment="mine"
        )


async def is_in_force(address: str, silence_id: str) -> bool:
    async with open_alertmanager(address) as alertmanager:
        return (await alertmanager.get_silence(silence_id)).in_force


def test_wherever_the_process_dies_nothing_of_the_window_is_left(databases: FreshDatabases, address: str) -> None:
    jobs, url = databases.take("windows")
    foreign = asyncio.run(make_foreign(address))
    found: Counter[WindowState] = Counter()
    for number in range(1, MAX_POINTS):
        # Alertmanager has a clock of its own: what begins before now hides at once.
        at = datetime.now(UTC) - timedelta(minutes=20)
        # It forgets an alert that is not sent again for five minutes.
        fire(address)
        window_id = asyncio.run(prepare(url, address, jobs, number, at))
        was_killed = run_child(url, address, jobs, window_id, at, number)
        found[asyncio.run(recover(url, address, jobs, window_id, at))] += 1
        if not was_killed:
            break
    starts = FileJobCluster(jobs).starts
    assert len(starts) == len(set(starts)), "no Job is made twice"
    assert sum("backup" in name for name in starts) > MIN_POINTS / 2
    assert MIN_POINTS < found.total() < MAX_POINTS - 1
    assert min(found[WindowState.RUNNING], found[WindowState.ENDED]) > 5, found
    assert asyncio.run(is_in_force(address, foreign))
