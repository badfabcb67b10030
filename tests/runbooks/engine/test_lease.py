"""A replica may act while it beats; one that could not beat for a while must not act again, nor write."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from runbooks.engine.lease import LEASE_LOST_EXIT_CODE, LeaseTimings, SharedLease, SingleReplicaLease
from storage.engines import open_engines
from storage.migrate import migrate
from storage.store import Store

FAST_TIMINGS = LeaseTimings().faster(10)
"""A beat every 0.5 s, lost after 1.5 s, dead after 3 s."""
PATIENCE = 30.0


class ProcessEnded(Exception):
    """The process would have ended here."""


def lose(reason: str) -> NoReturn:
    raise ProcessEnded(reason)


@asynccontextmanager
async def replica(store: Store, name: str) -> AsyncIterator[SharedLease]:
    """A replica that beats as long as the block runs."""
    lease = SharedLease(store, name, FAST_TIMINGS, terminate=lose)
    beating = asyncio.create_task(lease.run())
    try:
        yield lease
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError, ProcessEnded):
            await beating


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path / 'deepecho.sqlite'}"
    await migrate(url)
    opened = Store(open_engines(url, pooled=False))
    yield opened
    await opened.close()


async def live_replicas(store: Store) -> frozenset[str]:
    async with store.read() as tx:
        return await tx.replicas.live(FAST_TIMINGS.dead_after)


async def wait_for_replicas(store: Store, wanted: set[str]) -> None:
    async with asyncio.timeout(PATIENCE):
        while await live_replicas(store) != wanted:
            await asyncio.sleep(0.02)


async def test_who_beats_lives_and_who_stops_is_dead_after_a_while(store: Store) -> None:
    async with replica(store, "one") as one:
        async with replica(store, "two"):
            await wait_for_replicas(store, {"one", "two"})
        assert await live_replicas(store) == {"one", "two"}, "it has only just stopped"
        await wait_for_replicas(store, {"one"})
        one.check()


async def test_who_leaves_in_good_order_need_not_be_waited_for(store: Store) -> None:
    async with replica(store, "one") as one:
        await wait_for_replicas(store, {"one"})
    await one.release()
    assert await live_replicas(store) == frozenset()


async def test_who_cannot_beat_loses_its_lease_before_the_others_call_it_dead(tmp_path: Path) -> None:
    away = Store(open_engines(f"sqlite:///{tmp_path / 'nowhere' / 'deepecho.sqlite'}", pooled=False))
    lease = SharedLease(away, "one", FAST_TIMINGS, terminate=lose)
    began = asyncio.get_running_loop().time()

    with pytest.raises(ProcessEnded, match="no heartbeat for"):
        async with asyncio.timeout(PATIENCE):
            await lease.run()

    assert asyncio.get_running_loop().time() - began >= FAST_TIMINGS.lost_after.total_seconds()
    with pytest.raises(ProcessEnded):
        lease.check()
    await away.close()


async def test_who_slept_past_its_lease_neither_acts_nor_beats_itself_alive_again(store: Store) -> None:
    lease = SharedLease(store, "one", FAST_TIMINGS, terminate=lose)
    guarded = Store(store.engines, lease.check)
    async with guarded.write() as tx:
        await tx.replicas.heartbeat("one")

    await asyncio.sleep(FAST_TIMINGS.lost_after.total_seconds() + 0.05)  # the machine was suspended

    with pytest.raises(ProcessEnded):
        async with guarded.write() as tx:
            await tx.replicas.heartbeat("one")
    with pytest.raises(ProcessEnded):
        await lease.run()


async def test_somebody_else_in_its_place_ends_it(store: Store) -> None:
    with pytest.raises(ProcessEnded, match="claimed by replica two"):
        SharedLease(store, "one", FAST_TIMINGS, terminate=lose).terminate("claimed by replica two")


async def test_in_life_the_process_ends_at_once_without_cleaning_up() -> None:
    program = (
        "from runbooks.engine.lease import SingleReplicaLease\n"
        "try:\n    SingleReplicaLease('one').terminate('why')\nfinally:\n    print('cleaned up')"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()

    assert process.returncode == LEASE_LOST_EXIT_CODE
    assert b"cleaned up" not in said


async def test_the_only_replica_never_loses_anything_by_waiting() -> None:
    only = SingleReplicaLease("one")
    only.check()
    assert only.dead_after() is None
    await only.release()


def test_a_replica_gives_up_well_before_it_is_called_dead() -> None:
    times = LeaseTimings()
    assert times.heartbeat_interval * 2 < times.lost_after
    assert times.lost_after * 1.5 <= times.dead_after
    assert times.faster(10).heartbeat_interval == timedelta(seconds=0.5)
