"""A transaction happens as a whole or not at all, and no update is lost."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import TemporaryError
from storage import trail
from storage.engines import open_engines, parse_url
from storage.operations import Fenced
from storage.store import Store
from storage.timers import Timer
from tests.harness.database_outage import database_unavailable
from tests.harness.samples.operations import NOW, record


async def test_two_hundred_at_once_read_and_write_one_row_and_none_is_lost(store: Store) -> None:
    async with store.write() as tx:
        await tx.operations.add(record(procedures_version=0))

    async def one_more() -> None:
        async with store.write() as tx:
            found = await tx.operations.get_for_update("op-k7m2")
            assert found is not None
            await asyncio.sleep(0)
            await tx.operations.save(replace(found, procedures_version=found.procedures_version + 1))

    await asyncio.gather(*(one_more() for _ in range(200)))
    async with store.read() as tx:
        found = await tx.operations.get("op-k7m2")
    assert found is not None
    assert found.procedures_version == 200


async def test_two_stores_on_one_database_lose_nothing_either(store: Store, database_url: str) -> None:
    """As two processes have it: each with connections of its own."""
    other = Store(open_engines(database_url))
    async with store.write() as tx:
        await tx.operations.add(record(procedures_version=0))

    async def one_more(mine: Store) -> None:
        async with mine.write() as tx:
            found = await tx.operations.get_for_update("op-k7m2")
            assert found is not None
            await tx.operations.save(replace(found, procedures_version=found.procedures_version + 1))

    await asyncio.gather(*(one_more(mine) for mine in (store, other) * 25))
    await other.close()
    async with store.read() as tx:
        found = await tx.operations.get("op-k7m2")
    assert found is not None
    assert found.procedures_version == 50


async def test_what_breaks_in_the_middle_leaves_nothing(store: Store) -> None:
    async def broken() -> None:
        async with store.write() as tx:
            await tx.operations.add(record())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    async with store.read() as tx:
        assert await tx.operations.get("op-k7m2") is None


class UnwritableLog:
    """A log on a pipe that nobody reads any more."""

    def debug(self, event: str, **_values: object) -> None:
        raise BrokenPipeError(event)


async def test_what_is_committed_is_never_called_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def add_operation() -> None:
        async with store.write() as tx:
            await tx.operations.add(record())
            tx.trail.add("operation planned", operation=record().id)

    monkeypatch.setattr(trail, "log", UnwritableLog())
    with pytest.raises(BrokenPipeError, match="operation planned"):
        await add_operation()
    async with store.read() as tx:
        assert await tx.operations.get(record().id) == record()


async def test_a_look_does_not_wait_for_a_writer_and_sees_nothing_half_done(store: Store) -> None:
    async with store.write() as writing:
        await writing.operations.add(record())
        async with asyncio.timeout(2), store.read() as reader:
            assert await reader.operations.get("op-k7m2") is None
    async with store.read() as reader:
        assert await reader.operations.get("op-k7m2") == record()


async def test_who_may_not_go_on_writes_nothing(database_url: str) -> None:
    def dead() -> None:
        raise Fenced

    store = Store(open_engines(database_url), dead)
    with pytest.raises(Fenced):
        async with store.write() as tx:
            await tx.operations.add(record())
    async with store.read() as tx:
        assert await tx.operations.get("op-k7m2") is None
    await store.close()


async def test_sqlite_syncs_each_commit_and_waits_for_locks(sqlite_url: str) -> None:
    engines = open_engines(sqlite_url)
    for engine in (engines.write, engines.read):
        async with engine.connect() as connection:
            found = [
                (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
        assert found == ["wal", 2, 1, 10_000]
    await engines.dispose()


@pytest.mark.parametrize("url", ["postgresql://postgres@127.0.0.1:1/none", "sqlite:////no/such/folder/deepecho.db"])
async def test_a_database_that_is_not_there_is_a_temporary_trouble(url: str) -> None:
    store = Store(open_engines(url))
    with pytest.raises(TemporaryError, match="The database did not take it"):
        async with store.write() as tx:
            await tx.operations.add(record())
    with pytest.raises(TemporaryError, match="The database did not take it"):
        async with store.read() as tx:
            await tx.operations.get("op-k7m2")
    await store.close()


@pytest.mark.postgres
async def test_a_database_that_went_away_and_came_back(postgres_url: str) -> None:
    store = Store(open_engines(postgres_url))
    async with store.read() as tx:
        await tx.operations.recent()
    async with database_unavailable(postgres_url):
        with pytest.raises(TemporaryError):
            async with store.write() as tx:
                await tx.operations.add(record())
    async with store.write() as tx:
        await tx.operations.add(record())
    await store.close()


def test_other_databases_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="mysql is not a database deepecho can use"):
        parse_url("mysql://somewhere/deepecho")


async def test_times_come_back_as_they_went_in(store: Store) -> None:
    timer = Timer("approval-expire/op-1", "approval-expire", "op-1", NOW)
    async with store.write() as tx:
        await tx.timers.set(timer)
    async with store.read() as tx:
        assert await tx.timers.due(NOW) == (timer,)
        assert await tx.timers.due(NOW - timedelta(microseconds=1)) == ()
