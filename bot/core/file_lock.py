"""A lock that allows one process for each SQLite file: a second one would answer and act a second time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import Refused


class DatabaseInUse(Refused):
    """Another process holds the lock of this database."""


@contextmanager
def exclusive_lock(database: Path) -> Iterator[None]:
    """Hold the database's lock file. The kernel releases it when the process ends. Raises ``DatabaseInUse``."""
    database.parent.mkdir(parents=True, exist_ok=True)
    lock_path = database.with_name(f"{database.name}.lock")
    with lock_path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            sentence = f"Another deepecho uses {database}. Stop it first; for several at once use PostgreSQL."
            raise DatabaseInUse(sentence) from error
        yield
