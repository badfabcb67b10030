"""Locks: all of an operation's services or none, a person's for as long as they said."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import TemporaryError
from storage.engines import open_engines
from storage.store import Store
from tests.harness.samples.operations import ANA, MIA, NOW

BOTH = ("deep-echo-main", "deep-echo-cognitive")
HOUR = timedelta(hours=1)


async def held(store: Store) -> list[tuple[str, str]]:
    async with store.read() as tx:
        return [(each.service, each.operation) for each in await tx.locks.active(NOW)]


async def test_an_operation_takes_all_its_services_and_frees_them(store: Store) -> None:
    async with store.write() as tx:
        assert await tx.locks.lock_services("op-a", "production", BOTH, ANA, NOW) is None
    assert await held(store) == [("deep-echo-cognitive", "op-a"), ("deep-echo-main", "op-a")]
    async with store.write() as tx:
        await tx.locks.release("op-a")
    assert await held(store) == []


async def test_one_service_in_the_way_and_none_is_taken(store: Store) -> None:
    async with store.write() as tx:
        await tx.locks.lock_services("op-a", "production", ("deep-echo-cognitive",), ANA, NOW)
    async with store.write() as tx:
        other = await tx.locks.lock_services("op-b", "production", BOTH, MIA, NOW)
    assert other is not None
    assert (other.operation, other.service, other.by) == ("op-a", "deep-echo-cognitive", ANA)
    assert await held(store) == [("deep-echo-cognitive", "op-a")]


async def test_taking_twice_changes_nothing(store: Store) -> None:
    for _ in range(2):
        async with store.write() as tx:
            assert await tx.locks.lock_services("op-a", "production", BOTH, ANA, NOW) is None
    assert len(await held(store)) == 2


async def test_another_environment_is_not_in_the_way(store: Store) -> None:
    async with store.write() as tx:
        assert await tx.locks.lock_services("op-a", "production", BOTH, ANA, NOW) is None
        assert await tx.locks.lock_services("op-b", "staging", BOTH, ANA, NOW) is None


async def test_of_many_at_once_one_has_all_and_the_others_none(store: Store, database_url: str) -> None:
    """From two processes, in the catalogue's order as procedures take them."""
    other = Store(open_engines(database_url))

    async def take(mine: Store, operation: str) -> str:
        async with mine.write() as tx:
            stands = await tx.locks.lock_services(operation, "production", BOTH, ANA, NOW)
        return operation if stands is None else ""

    numbered = [(mine, f"op-{number}") for number, mine in enumerate((store, other) * 5)]
    took = await asyncio.gather(*(take(mine, operation) for mine, operation in numbered), return_exceptions=True)
    await other.close()
    assert all(isinstance(each, str | TemporaryError) for each in took)
    [winner] = [each for each in took if isinstance(each, str) and each]
    assert await held(store) == [("deep-echo-cognitive", winner), ("deep-echo-main", winner)]


@pytest.mark.postgres
async def test_who_is_late_by_a_hair_keeps_nothing(postgres_url: str) -> None:
    """Both looked and saw nothing; the first one's lock becomes visible only while the second one takes its own."""
    store = Store(open_engines(postgres_url))
    first_took, second_waits = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with store.write() as tx:
            await tx.locks.lock_services("op-a", "production", ("deep-echo-cognitive",), ANA, NOW)
            first_took.set()
            await second_waits.wait()
            await asyncio.sleep(0.2)

    async def second() -> None:
        await first_took.wait()
        async with store.write() as tx:
            second_waits.set()
            await tx.locks.lock_services("op-b", "production", BOTH, MIA, NOW)

    done = await asyncio.gather(first(), second(), return_exceptions=True)
    assert done[0] is None
    assert isinstance(done[1], TemporaryError)
    assert await held(store) == [("deep-echo-cognitive", "op-a")]
    await store.close()


async def test_a_person_locks_an_environment_once(store: Store) -> None:
    async with store.write() as tx:
        assert await tx.locks.lock_environment("production", ANA, "migration", NOW, None)
        assert not await tx.locks.lock_environment("production", MIA, "mine", NOW, None)
    async with store.read() as tx:
        lock = await tx.locks.environment_lock("production", NOW)
        assert lock is not None
        assert (lock.by, lock.reason, lock.until, lock.service, lock.operation) == (ANA, "migration", None, "", "")
        assert await tx.locks.environment_lock("staging", NOW) is None
    async with store.write() as tx:
        assert not await tx.locks.unlock_environment(replace(lock, by=MIA)), "another's lock"
        assert await tx.locks.unlock_environment(lock)
        assert not await tx.locks.unlock_environment(lock)


async def test_a_lock_that_ran_out_holds_nobody_up(store: Store) -> None:
    async with store.write() as tx:
        await tx.locks.lock_environment("production", ANA, "migration", NOW, NOW + HOUR)
    async with store.write() as tx:
        assert await tx.locks.environment_lock("production", NOW + HOUR - timedelta(microseconds=1)) is not None
        assert await tx.locks.environment_lock("production", NOW + HOUR) is None
        assert [each.environment for each in await tx.locks.active(NOW)] == ["production"]
        assert await tx.locks.active(NOW + HOUR) == ()
        assert await tx.locks.lock_environment("production", MIA, "mine", NOW + HOUR, None)


async def test_a_persons_lock_and_an_operations_stand_side_by_side(store: Store) -> None:
    async with store.write() as tx:
        await tx.locks.lock_environment("production", ANA, "migration", NOW, None)
        assert await tx.locks.lock_services("op-a", "production", ("deep-echo-main",), MIA, NOW) is None
        await tx.locks.release("op-a")
        assert await tx.locks.environment_lock("production", NOW) is not None
