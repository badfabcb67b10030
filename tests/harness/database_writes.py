"""Counts the writes to a database, whoever makes them: ours and those of the workflow engine."""

import asyncio
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

from sqlalchemy import text

from storage.engines import open_engines, parse_url, workflows_path

LOOK_INTERVAL_SECONDS = 0.005
_POSTGRES = "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = current_database()"


async def writes_per_second(database_url: str, seconds: float) -> float:
    """Committed writes on SQLite (those within 5 ms are one), rows written on PostgreSQL."""
    url, started = parse_url(database_url), time.monotonic()
    if url.get_backend_name() == "sqlite":
        count = await _commits(Path(url.database or ""), seconds)
    else:
        before = await _rows_written(database_url)
        await asyncio.sleep(seconds)
        count = await _rows_written(database_url) - before
    return count / (time.monotonic() - started)


async def _commits(file: Path, seconds: float) -> int:
    with ExitStack() as stack:
        files = (file, workflows_path(str(file)))
        connections = [stack.enter_context(closing(sqlite3.connect(each))) for each in files]
        count, ends_at = 0, time.monotonic() + seconds
        versions = [_version(each) for each in connections]
        while time.monotonic() < ends_at:
            await asyncio.sleep(LOOK_INTERVAL_SECONDS)
            seen = [_version(each) for each in connections]
            count += sum(now != before for now, before in zip(seen, versions, strict=True))
            versions = seen
    return count


def _version(connection: sqlite3.Connection) -> int:
    """Another number whenever another connection has committed."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


async def _rows_written(database_url: str) -> int:
    engines = open_engines(database_url, pooled=False)
    try:
        async with engines.read.connect() as connection:
            # A backend reports its counts at most once a second, when it is idle; this one must not see an older snapshot.
            await connection.execute(text("SELECT pg_stat_clear_snapshot()"))
            return int((await connection.execute(text(_POSTGRES))).scalar_one())
    finally:
        await engines.dispose()
