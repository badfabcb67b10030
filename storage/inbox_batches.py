"""Batch inserts into the inbox, for each of the two databases. Every Slack request and every webhook waits for one."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.inbound import InboundMessage
from storage.engines import BUSY_TIMEOUT_SECONDS

COLUMNS = 5
"""Columns that an insert sets."""


class InboxBatchWriter(Protocol):
    """Writes batches of inbound messages."""

    async def insert(self, messages: Sequence[InboundMessage]) -> set[str]:
        """Insert all of them in one transaction; return the keys of those that were new. Raises the driver's errors."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class PostgresBatchWriter:
    """PostgreSQL, through the pool that everything else uses."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._statements: dict[int, str] = {}

    async def insert(self, messages: Sequence[InboundMessage]) -> set[str]:
        values: list[object] = []
        for message in messages:
            values += (message.key, message.kind.value, message.body, message.received_at, message.source)
        async with self._engine.begin() as connection:
            rows = await connection.exec_driver_sql(self._statement(len(messages)), tuple(values))
            return set(rows.scalars())

    def close(self) -> None:
        """The pool belongs to the engine."""

    def _statement(self, row_count: int) -> str:
        if row_count not in self._statements:
            placeholders = (
                f"({', '.join(f'${row * COLUMNS + place}' for place in range(1, COLUMNS + 1))})" for row in range(row_count)
            )
            self._statements[row_count] = _insert_statement(placeholders) + _RETURNING
        return self._statements[row_count]


class SqliteBatchWriter:
    """SQLite, with a connection and a thread of its own: each batch is handed to the thread once.

    Through the engine it would be nine times, one for each call of a cursor, and twice the CPU time of the whole request.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="inbox")
        self._connection: sqlite3.Connection | None = None
        self._statements: dict[int, str] = {}

    async def insert(self, messages: Sequence[InboundMessage]) -> set[str]:
        values: list[str] = []
        for message in messages:
            # In the format of ``storage.tables.base.UtcDateTime``: SQLite compares times as text, so all need six decimals.
            received_at = message.received_at if message.received_at.tzinfo is UTC else message.received_at.astimezone(UTC)
            values += (
                message.key,
                message.kind.value,
                message.body,
                received_at.replace(tzinfo=None).isoformat(" ", "microseconds"),
                message.source,
            )
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._write, values)

    def close(self) -> None:
        self._executor.submit(self._disconnect)
        self._executor.shutdown(wait=True)

    def _write(self, values: list[str]) -> set[str]:
        connection = self._connection = self._connection or self._connect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            # RETURNING costs a third more. Nearly always every key is new, and the number of inserted rows tells that.
            if connection.execute(self._statement(len(values) // COLUMNS), values).rowcount == len(values) // COLUMNS:
                new_keys = set(values[::COLUMNS])
            else:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                new_keys = {key for (key,) in connection.execute(self._statement(len(values) // COLUMNS) + _RETURNING, values)}
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return new_keys

    def _statement(self, row_count: int) -> str:
        if row_count not in self._statements:
            self._statements[row_count] = _insert_statement("(?, ?, ?, ?, ?)" for _ in range(row_count))
        return self._statements[row_count]

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()


_RETURNING = " RETURNING key"


def _insert_statement(placeholders: Iterable[str]) -> str:
    """Plain SQL, because SQLAlchemy's insert costs nine times as much here. ``placeholders`` has one item for each row."""
    columns = "key, kind, body, received_at, source"
    return f"INSERT INTO inbox ({columns}) VALUES {', '.join(placeholders)} ON CONFLICT (key) DO NOTHING"  # noqa: S608
