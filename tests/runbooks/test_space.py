"""Files of SQLite give back the space of what was deleted, and nobody waits long meanwhile."""

import asyncio
import sqlite3
import statistics
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from domain.inbound import InboundKind, InboundMessage
from runbooks.operations.retention import delete_workflows
from storage.engines import open_engines, workflows_path
from storage.inbox import InboxWriter
from storage.space import KEPT_FREE_PAGES, rewrite_files
from storage.store import Store
from storage.tables.core import inbox
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.housekeeping import DAY, add_answered, count_rows, housekeeping
from tests.harness.operations import OperationsHarness
from tests.harness.rights import MAIN
from tests.harness.samples.operations import NOW
from tests.harness.samples.team import ANA, RAY

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

OLD = NOW - 400 * DAY
ROWS, BODY = 4_000, "n" * 6_000
"""Notifications of ten alerts."""
MAX_WAIT_SECONDS = 0.5


def size(file: Path) -> int:
    return file.stat().st_size


def pragma(file: Path, name: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


async def test_the_file_shrinks_when_rows_are_deleted(sqlite_url: str) -> None:
    file, store = Path(sqlite_url.removeprefix("sqlite:///")), Store(open_engines(sqlite_url))
    empty = size(file)
    await add_answered(store, ROWS, OLD, body=BODY)
    await store.close()  # the last connection empties the log into the file
    full, store = size(file), Store(open_engines(sqlite_url))
    assert full > empty + ROWS * len(BODY)
    await housekeeping(store).run_once()
    assert await count_rows(store, inbox) == (0,)
    await store.close()
    assert pragma(file, "freelist_count") == KEPT_FREE_PAGES
    assert size(file) == (pragma(file, "page_count")) * pragma(file, "page_size") < full / 8


async def test_commands_are_stored_while_old_rows_are_deleted(store: Store) -> None:
    await add_answered(store, 2 * ROWS, OLD, body=BODY)
    writer = InboxWriter(store.engines.write)
    waits: list[float] = []
    cleaning = asyncio.create_task(housekeeping(store).run_once())
    while not cleaning.done():
        key, started = f"command-{len(waits)}", time.monotonic()
        await writer.put(InboundMessage(key=key, kind=InboundKind.COMMAND, body="{}", received_at=NOW))
        async with store.write() as tx:
            await tx.inbox.mark_answered(key, NOW, "done")
        waits.append(time.monotonic() - started)
        await asyncio.sleep(0.05)
    await cleaning
    writer.close()
    assert await count_rows(store, inbox) == (len(waits),)
    assert len(waits) > 10, "housekeeping ended before anybody could wait for it"
    # Not the longest one: a disk that others are writing to holds up any transaction, with or without housekeeping.
    assert statistics.median(waits) < MAX_WAIT_SECONDS


def make_without_auto_vacuum(file: Path, rows: int) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE letters (text)")
        connection.executemany("INSERT INTO letters VALUES (?)", [(BODY,)] * rows)
        connection.execute("DELETE FROM letters WHERE rowid > 10")
        connection.commit()


def test_a_file_of_an_older_version_is_rewritten_once_and_can_shrink_from_then_on(tmp_path: Path) -> None:
    file = tmp_path / "deepecho.sqlite"
    workflows = workflows_path(str(file))
    for each in (file, workflows):
        make_without_auto_vacuum(each, 2_000)
    before = size(file)
    lines = rewrite_files(f"sqlite:///{file}")
    assert [line.split(" can shrink from now on")[0] for line in lines] == [str(file), str(workflows)]
    for each in (file, workflows):
        assert size(each) < before / 10
        assert pragma(each, "auto_vacuum") == 2
        with closing(sqlite3.connect(each)) as connection:
            assert connection.execute("SELECT count(*) FROM letters").fetchone() == (10,)
    assert rewrite_files(f"sqlite:///{file}") == ()
    assert rewrite_files("postgresql://db/deepecho") == ()


def test_a_file_that_cannot_be_rewritten_is_left_as_it_is_and_named(tmp_path: Path) -> None:
    file = tmp_path / "deepecho.sqlite"
    make_without_auto_vacuum(file, 20)
    workflows_path(str(file)).write_bytes(garbage := b"To whom it may concern\n" * 1000)
    _, line = rewrite_files(f"sqlite:///{file}")
    assert line == f"{file}-workflows keeps its size: SQLITE_NOTADB. The next `deepecho migrate` tries again."
    assert workflows_path(str(file)).read_bytes() == garbage


async def run_restarts(harness: OperationsHarness, count: int) -> list[str]:
    ended = []
    for number in range(count):
        plan = await harness.planner.restart("staging", MAIN)
        record = await harness.operations.start(plan, source=f"k{number}", by=RAY, channel="C1")
        ended.append((await harness.wait_ended(record.id)).id)
    return ended


def workflow_rows(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 -- a name of ours


async def test_workflows_of_ended_operations_go_and_those_that_run_stay(harness: OperationsHarness, tmp_path: Path) -> None:
    file = workflows_path(str(tmp_path / "deepecho.sqlite"))
    ended = await run_restarts(harness, 2)
    waiting = await harness.start(ANA, source="k-waiting")
    await harness.engine.wake(waiting.id)  # a message to a workflow
    later = harness.clock.now() + timedelta(minutes=1)
    assert await delete_workflows(harness.engine, harness.store, harness.clock.now() - DAY) == 0
    assert await delete_workflows(harness.engine, harness.store, later) == len(ended)
    assert [await harness.engine.state(each) for each in ended] == [None, None]
    assert (await harness.engine.state(waiting.id)) is not None
    await harness.operations.cancel(waiting.id, ANA)
    await harness.wait_ended(waiting.id)
    async with asyncio.timeout(10):
        while harness.engine.is_running(waiting.id):
            await asyncio.sleep(0.01)
    assert await delete_workflows(harness.engine, harness.store, later) == 1
    for table in ("workflow_status", "operation_outputs", "notifications", "workflow_input", "workflow_output"):
        assert workflow_rows(file, table) == 0, table
    for each in (*ended, waiting.id):
        assert (await harness.operations.find(each)).state.final, "the record stays"


async def test_the_workflows_file_shrinks_too(harness: OperationsHarness, tmp_path: Path) -> None:
    file = workflows_path(str(tmp_path / "deepecho.sqlite"))
    assert pragma(file, "auto_vacuum") == 2
    with closing(sqlite3.connect(file)) as connection:
        connection.executemany(
            "INSERT INTO operation_outputs (workflow_uuid, function_id, function_name, output, retention_timestamp)"
            " VALUES ('gone', ?, 'step', ?, 0)",
            [(number, BODY) for number in range(ROWS)],
        )
        connection.commit()
        full = pragma(file, "page_count")
        connection.execute("DELETE FROM operation_outputs WHERE workflow_uuid = 'gone'")
        connection.commit()
    while await harness.engine.release_space():
        pass
    assert pragma(file, "freelist_count") == KEPT_FREE_PAGES
    assert pragma(file, "page_count") < full / 8
