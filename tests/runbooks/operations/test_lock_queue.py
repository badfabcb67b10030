"""Operations that wait for one lock: they are woken one after the other, and leave the database to others."""

import asyncio

from domain.operations.operation import OperationRecord, State
from tests.harness.operations import OperationsHarness
from tests.harness.rights import MAIN, free_lock
from tests.harness.samples.team import RAY

WAITING = 12


async def queue(harness: OperationsHarness) -> list[OperationRecord]:
    """Restarts in staging that all wait for the same lock."""
    async with harness.store.write() as tx:
        await tx.locks.lock_services("op-other", "staging", (MAIN,), RAY.person, harness.clock.now())
    plan = await harness.planner.restart("staging", MAIN)
    records = [await harness.operations.start(plan, source=f"k{n}", by=RAY, channel="C1") for n in range(WAITING)]
    return [await harness.wait_until(each.id, lambda one: "op-other" in one.progress[0].detail) for each in records]


async def outbox_rows(harness: OperationsHarness) -> int:
    async with harness.store.read() as tx:
        return sum((await tx.outbox.count_by_state()).values())


async def test_those_who_wait_write_nothing(harness: OperationsHarness) -> None:
    records = await queue(harness)
    before = [await harness.operations.find(each.id) for each in records], await outbox_rows(harness)
    await asyncio.sleep(1.5)  # three times what they once waited between two writes
    assert ([await harness.operations.find(each.id) for each in records], await outbox_rows(harness)) == before
    await free_lock(harness)
    ended = [await harness.wait_ended(each.id) for each in records]
    # The first to get the lock restarts it; the others find that the cluster changed since they were planned.
    assert {each.state for each in ended} <= {State.SUCCEEDED, State.DRIFTED}
    assert State.SUCCEEDED in {each.state for each in ended}
    assert await harness.locks() == ()


async def test_one_who_waits_stops_at_once(harness: OperationsHarness) -> None:
    first, *_ = await queue(harness)
    await harness.operations.cancel(first.id, RAY)
    async with asyncio.timeout(4):  # less than LOCK_POLL_INTERVAL
        assert (await harness.wait_ended(first.id)).state is State.CANCELLED
