"""A write that is cancelled in the middle, at any moment, lets go of the database at once."""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.engines import open_engines
from storage.store import Store

MOMENTS = [0.0002 * number for number in range(40)]
"""Seconds after which a write is cancelled: it takes some five milliseconds."""


@pytest.fixture
def without_collections() -> Iterator[None]:
    """What the cancelled task leaves behind must not have to be collected first."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collections")
async def test_nobody_waits_for_what_a_cancelled_write_leaves_behind(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deepecho.db'}"
    engines = open_engines(url)
    async with engines.write.begin() as connection:
        await connection.execute(text("CREATE TABLE numbers (number INTEGER, word TEXT)"))
        await connection.execute(text("INSERT INTO numbers VALUES (1, 'one'), (2, 'two')"))

    async def write(store: Store) -> None:
        async with store.engines.write.begin() as connection:
            for _ in range(10):
                await connection.execute(text("UPDATE numbers SET word = 'x' WHERE number = 1 RETURNING number"))
                (await connection.execute(text("SELECT number FROM numbers"))).all()

    for moment in MOMENTS:
        cancelled = asyncio.create_task(write(Store(engines)))
        await asyncio.sleep(moment)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        await engines.dispose()
        engines = open_engines(url)
        # SQLite waits ten seconds for a lock, and then gives up.
        async with engines.write.begin() as connection:
            await connection.execute(text("INSERT INTO numbers VALUES (3, 'three')"))
    await engines.dispose()
