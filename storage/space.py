"""SQLite files that give back the space of deleted rows.

SQLite reuses the pages of deleted rows and never shrinks its file, unless the file was made with ``auto_vacuum``. Then free pages
are cut off in small steps. A file without it gets it by one ``VACUUM``, which writes the whole file anew and lets nobody else
write meanwhile: so that is done with migrations, before the bot serves anybody.
"""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine

from storage.database_errors import explain, sqlite_file
from storage.engines import AUTO_VACUUM, BUSY_TIMEOUT_SECONDS, UNAVAILABLE_ERRORS, parse_url, workflows_path

STEP_PAGES = 16
"""Pages that one step cuts off, 128 KiB: about 10 ms."""
KEPT_FREE_PAGES = 256
"""Pages that stay for the next rows, 2 MiB: a file that shrinks and grows by turns would only cost time."""
_INCREMENTAL = 2
"""Value of ``PRAGMA auto_vacuum`` for ``INCREMENTAL``."""


def release_pages(connection: Connection) -> int:
    """Cut free pages off the file, at most ``STEP_PAGES``. Returns how many; 0 where nothing is to be done, or on PostgreSQL."""
    if connection.dialect.name != "sqlite":
        return 0
    (mode,) = connection.exec_driver_sql("PRAGMA auto_vacuum").one()
    (free,) = connection.exec_driver_sql("PRAGMA freelist_count").one()
    pages = min(STEP_PAGES, free - KEPT_FREE_PAGES) if mode == _INCREMENTAL else 0
    for _ in range(pages):
        # One by one: Python's driver takes a single step of a statement without columns, and each step frees one page.
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    return max(0, pages)


def release_space(engine: Engine) -> int:
    """The same for a file with an engine of its own. Raises ``TemporaryError`` if the database does not answer."""
    try:
        with engine.begin() as connection:
            return release_pages(connection)
    except UNAVAILABLE_ERRORS as error:
        raise explain(error, engine.url) from error


def rewrite_files(database_url: str) -> tuple[str, ...]:
    """Rewrite the files that cannot give space back, the workflows' too; a line for each, also for one that could not be.

    Nobody else may use them meanwhile. A file that is left as it is works as before and keeps its size.
    """
    file = sqlite_file(parse_url(database_url))
    if file is None:
        return ()
    lines = (_rewrite(each) for each in (file, workflows_path(str(file))) if each.exists())
    return tuple(line for line in lines if line)


def _rewrite(file: Path) -> str:
    try:
        with closing(sqlite3.connect(file, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)) as connection:
            if connection.execute("PRAGMA auto_vacuum").fetchone() == (_INCREMENTAL,):
                return ""
            size, free = file.stat().st_size, shutil.disk_usage(file.parent).free
            # The copy, and the write-ahead log through which it comes back.
            if free < 2 * size:
                needed = f"{_mebibytes(2 * size)} must be free for that, and {_mebibytes(free)} are"
                return f"{file} keeps its size: {needed}. The next `deepecho migrate` tries again."
            started = time.monotonic()
            for statement in (f"PRAGMA auto_vacuum={AUTO_VACUUM}", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.execute(statement).fetchall()
    except sqlite3.Error as error:
        return f"{file} keeps its size: {error.sqlite_errorname}. The next `deepecho migrate` tries again."
    seconds, now = time.monotonic() - started, file.stat().st_size
    return f"{file} can shrink from now on. It was rewritten in {seconds:.1f} s: {_mebibytes(size)}, now {_mebibytes(now)}."


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"
