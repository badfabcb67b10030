"""A lock that allows one process for each SQLite file: a second one would answer and act a second time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from domain.errors import Refused
from storage.database_errors import unusable_folder


class DatabaseInUse(Refused):
    """Another process holds the lock of this database."""


@contextmanager
def exclusive_lock(database: Path) -> Iterator[None]:
    """Hold the database's lock file. The kernel releases it when the process ends.

    Raises ``DatabaseInUse``, and ``DatabaseRefused`` where the folder cannot be written to.
    """
    with _open_lock_file(database) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            sentence = f"Another deepecho uses {database}. Stop it first; for several at once use PostgreSQL."
            raise DatabaseInUse(sentence) from error
        yield


def _open_lock_file(database: Path) -> TextIO:
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        return database.with_name(f"{database.name}.lock").open("w")
    except OSError as error:
        raise unusable_folder(database) from error
