"""One process for each SQLite file, because a second one would answer and act a second time; and nobody else reads it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from domain.errors import Refused
from storage.database_errors import unusable_folder

PRIVATE_UMASK = 0o077
RIGHTS_OF_OTHERS = 0o077


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


def take_rights_of_others(database: Path) -> None:
    """Leave the database's files, which hold what people write, to their owner alone. New ones are made so by the umask.

    Raises ``DatabaseRefused`` for files of another user.
    """
    for file in database.parent.glob(f"{database.name}*"):
        if file.is_file() and file.stat().st_mode & RIGHTS_OF_OTHERS:
            try:
                file.chmod(file.stat().st_mode & ~RIGHTS_OF_OTHERS)
            except PermissionError as error:
                raise unusable_folder(database) from error
