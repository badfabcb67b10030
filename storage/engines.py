"""Engines for the two databases, set so that a transaction means what it says.

SQLite's driver otherwise reads outside the transaction and loses updates without a word: the write engine begins IMMEDIATE,
has one connection, and syncs at every commit. Reads have an engine of their own, so that they never wait for a writer.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

SQLITE_PAGE_BYTES = 8192
"""Of a new SQLite file (an old one keeps its own): a notification of ten alerts is 6 kB, and one page costs less than two."""

BUSY_TIMEOUT_SECONDS = 10.0
"""How long SQLite waits for another process's write lock."""


CONNECT_TIMEOUT_SECONDS = 10.0
COMMAND_TIMEOUT_SECONDS = 30.0
"""How long PostgreSQL may take over one statement, waiting for a row's lock included."""

IDLE_IN_TRANSACTION_TIMEOUT_SECONDS = 10.0
"""How long a transaction may stand idle before PostgreSQL ends it. Ours never wait for anything but the database: this ends
only those of a frozen process, whose row locks would keep its survivor from taking over."""

UNAVAILABLE_ERRORS = (DBAPIError, PoolTimeout, OSError)
"""What the drivers raise where the database does not answer. A refused connection to PostgreSQL comes as a bare ``OSError``."""


def driver_error_name(error: Exception) -> str:
    """The driver's own name for what went wrong; its message may hold values."""
    return type(error.orig if isinstance(error, DBAPIError) and error.orig else error).__name__


@dataclass(frozen=True, slots=True)
class Engines:
    """One engine that writes and one that reads; the same one on PostgreSQL."""

    write: AsyncEngine
    read: AsyncEngine

    @property
    def is_sqlite(self) -> bool:
        """Which of the two databases this is."""
        return self.write.dialect.name == "sqlite"

    async def dispose(self) -> None:
        """Close every connection. Without it aiosqlite's thread outlives the loop."""
        await self.write.dispose()
        if self.read is not self.write:
            await self.read.dispose()


def parse_url(database_url: str) -> URL:
    """The database's address with the async driver we use. Raises ``ValueError`` for any other database."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite+aiosqlite")
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+asyncpg")
    raise ValueError(f"{url.get_backend_name()} is not a database deepecho can use; it takes sqlite and postgresql")


def open_engines(database_url: str, *, pooled: bool = True) -> Engines:
    """Engines for the database's address. ``pooled=False`` opens a connection each time, for tests with many loops."""
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


def _sqlite_engine(url: URL, *, size: int, writes: bool, pooled: bool) -> AsyncEngine:
    pool_options: dict[str, Any] = (
        {"poolclass": AsyncAdaptedQueuePool, "pool_size": size, "max_overflow": 0} if pooled else {"poolclass": NullPool}
    )
    engine = create_async_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, **pool_options)
    _configure_connections(engine.sync_engine, "BEGIN IMMEDIATE" if writes else "BEGIN")
    return engine


def _configure_connections(engine: Engine, begin_statement: str) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"page_size={SQLITE_PAGE_BYTES}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={int(BUSY_TIMEOUT_SECONDS * 1000)}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin_statement)


def workflow_engine(database_url: str) -> Engine | None:
    """A synchronous engine for the durable workflows' own file beside ours; None on PostgreSQL, where they share the server.

    Their library would otherwise use the rollback journal, in which a reader stops a writer.
    """
    url = parse_url(database_url)
    if url.get_backend_name() != "sqlite":
        return None
    path = (url.database or "") + "-workflows"
    engine = create_engine(
        url.set(drivername="sqlite", database=path), connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    return engine
