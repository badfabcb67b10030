"""Database engines for SQLite and PostgreSQL, configured so that transactions are isolated and durable.

With its defaults SQLite's driver reads outside of the transaction and silently loses updates. The write engine therefore begins
transactions with IMMEDIATE, has one connection, and syncs at every commit. Reads have an engine of their own, so that they never
wait for a writer.
"""

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

SQLITE_PAGE_BYTES = 8192
"""Page size of a new SQLite file; an existing file keeps its own. A notification of ten alerts takes 6 kB: with the default of
4 kB it would be written to two pages, which costs more than one of 8 kB."""

AUTO_VACUUM = "INCREMENTAL"
"""Mode of a new SQLite file: the space of deleted rows can be given back in small steps (``storage.space``)."""
MAX_KEPT_LOG_BYTES = 16 * 1024 * 1024
"""A write-ahead log that a long transaction has made larger is cut to this size."""

BUSY_TIMEOUT_SECONDS = 10.0
"""How long SQLite waits for another process's write lock."""

CONNECT_TIMEOUT_SECONDS = 10.0
COMMAND_TIMEOUT_SECONDS = 30.0
"""Maximum duration of one statement on PostgreSQL, including the wait for a row's lock."""

IDLE_IN_TRANSACTION_TIMEOUT_SECONDS = 10.0
"""PostgreSQL ends a transaction that is idle for this long. Our transactions wait for nothing but the database, so this ends
only those of a frozen process, whose row locks would keep other replicas from taking over."""

UNAVAILABLE_ERRORS = (DBAPIError, PoolTimeout, OSError)
"""What the drivers raise while the database does not answer. A refused connection to PostgreSQL raises a bare ``OSError``."""


def driver_error_name(error: Exception) -> str:
    """The class of the driver's error. Its message is not shown, because it may contain values of rows."""
    return type(error.orig if isinstance(error, DBAPIError) and error.orig else error).__name__


@dataclass(frozen=True, slots=True)
class Engines:
    """The engine that writes and the engine that reads; on PostgreSQL they are the same."""

    write: AsyncEngine
    read: AsyncEngine

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self.write.dialect.name == "sqlite"

    async def dispose(self) -> None:
        """Close every connection. Otherwise aiosqlite's thread outlives the event loop."""
        await self.write.dispose()
        if self.read is not self.write:
            await self.read.dispose()


def parse_url(database_url: str) -> URL:
    """Parse a database URL and set its async driver. Raises ``ValueError`` for any other database."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite+aiosqlite")
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+asyncpg")
    raise ValueError(f"{url.get_backend_name()} is not a database deepecho can use; it takes sqlite and postgresql")


def open_engines(database_url: str, *, pooled: bool = True) -> Engines:
    """Open the engines of a database URL.

    ``pooled=False`` opens a connection each time: for migrations, and for tests with several event loops.
    """
    url = parse_url(database_url)
    if url.get_backend_name() == "postgresql":
        if not pooled:
            engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": CONNECT_TIMEOUT_SECONDS})
            return Engines(engine, engine)
        idle_timeout_ms = str(int(IDLE_IN_TRANSACTION_TIMEOUT_SECONDS * 1000))
        server_settings = {"idle_in_transaction_session_timeout": idle_timeout_ms}
        connect_args = {
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "command_timeout": COMMAND_TIMEOUT_SECONDS,
            "server_settings": server_settings,
        }
        engine = create_async_engine(url, pool_size=8, max_overflow=4, pool_pre_ping=True, connect_args=connect_args)
        return Engines(engine, engine)
    return Engines(
        _sqlite_engine(url, size=1, writes=True, pooled=pooled), _sqlite_engine(url, size=4, writes=False, pooled=pooled)
    )


class _SqliteConnection(sqlite3.Connection):
    """Ends its transaction when it is closed.

    A task that is cancelled in the middle of a write leaves a cursor behind. SQLite keeps a closed connection, with its lock on
    the file, for as long as one of its cursors lives: nobody could write until the frames of the task were collected.
    """

    def close(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it was closed before
            self.rollback()
        super().close()


def _sqlite_engine(url: URL, *, size: int, writes: bool, pooled: bool) -> AsyncEngine:
    pool_options: dict[str, Any] = (
        {"poolclass": AsyncAdaptedQueuePool, "pool_size": size, "max_overflow": 0} if pooled else {"poolclass": NullPool}
    )
    engine = create_async_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "factory": _SqliteConnection}, **pool_options
    )
    _configure_connections(engine.sync_engine, "BEGIN IMMEDIATE" if writes else "BEGIN")
    return engine


def _configure_connections(engine: Engine, begin_statement: str) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself, because it begins them late: the listener below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            *_pragmas_of_a_new_file(cursor, SQLITE_PAGE_BYTES),
            "journal_mode=WAL",
            f"journal_size_limit={MAX_KEPT_LOG_BYTES}",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={int(BUSY_TIMEOUT_SECONDS * 1000)}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin_statement)


def _pragmas_of_a_new_file(cursor: sqlite3.Cursor, page_bytes: int | None = None) -> tuple[str, ...]:
    """The settings that an SQLite file gets once, when it is made."""
    # Only then: setting ``auto_vacuum`` waits for the writer of the file, and readers must not wait.
    cursor.execute("PRAGMA page_count")
    if tuple(cursor.fetchone()) != (0,):
        return ()
    return (*([f"page_size={page_bytes}"] if page_bytes else []), f"auto_vacuum={AUTO_VACUUM}")


def workflow_engine(database_url: str) -> Engine | None:
    """Open a synchronous engine for DBOS's own file beside the main one; None on PostgreSQL, where both use the same server.

    DBOS would otherwise open the file with the rollback journal, in which a reader blocks a writer.
    """
    url = parse_url(database_url)
    if url.get_backend_name() != "sqlite":
        return None
    file = str(workflows_path(url.database or ""))
    engine = create_engine(
        url.set(drivername="sqlite", database=file),
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        pragmas = (*_pragmas_of_a_new_file(connection.cursor()), "journal_mode=WAL", "synchronous=FULL")
        # Foreign keys: by them the messages to a workflow are deleted with it.
        for pragma in (*pragmas, "foreign_keys=ON", f"journal_size_limit={MAX_KEPT_LOG_BYTES}"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def workflows_path(database: str) -> Path:
    """The file of DBOS beside an SQLite file."""
    return Path(f"{database}-workflows")
