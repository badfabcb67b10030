"""Why a database cannot be used, and what to do about it, for the person who sets the program up.

The driver's own message is never quoted: it may hold values.
"""

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy.engine import URL

from domain.errors import DeepechoError, PermanentError, TemporaryError
from storage.engines import driver_error_name

SETTING = "DEEPECHO_DATABASE_URL"


class DatabaseRefused(PermanentError):
    """The database is not there, or not for us. Somebody has to change something before it is."""


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite database; None for one in memory and for PostgreSQL."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


def explain(error: Exception, url: URL) -> DeepechoError:
    """What an error of the driver means: ``DatabaseRefused``, or ``TemporaryError`` where the same may work later."""
    file = sqlite_file(url)
    return _server_error(error, url) if file is None else _file_error(error, file)


def is_writable(file: Path) -> bool:
    """Whether the file could be made: the nearest folder above it that exists can be written to."""
    nearest = next(folder for folder in file.absolute().parents if folder.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK, effective_ids=True)


def unusable_folder(file: Path) -> DatabaseRefused:
    """The database's folder cannot be made or written to."""
    return DatabaseRefused(
        f"The folder {file.parent} of the database cannot be written to by user {os.geteuid()}. "
        f"Give it to that user, or name another file with {SETTING}."
    )


def _file_error(error: Exception, file: Path) -> DeepechoError:
    code = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    if code == "SQLITE_NOTADB":
        return DatabaseRefused(f"{file} is not an SQLite database. Move it away, or name another file with {SETTING}.")
    if code.startswith("SQLITE_CORRUPT"):
        return DatabaseRefused(f"{file} is damaged. Restore it from a backup, or name another file with {SETTING}.")
    if code == "SQLITE_ERROR":
        return DatabaseRefused(
            f"The tables in {file} are not those of this version: another program, or a newer version, has made them. "
            f"Run that version, restore a backup, or name another file with {SETTING}."
        )
    if code.startswith("SQLITE_BUSY"):
        return TemporaryError(f"The database file {file} is in use by another program. Stop that one, and try again.")
    if code.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        return _cannot_open(file)
    return TemporaryError(
        f"The database file {file} cannot be used: {code or driver_error_name(error)}. Look at its disk, and at the file itself."
    )


def _cannot_open(file: Path) -> DatabaseRefused:
    if not file.parent.exists():
        return DatabaseRefused(
            f"There is no folder {file.parent} for the database. Make it, or name another file with {SETTING}."
        )
    if file.is_dir():
        return DatabaseRefused(f"{file} is a folder, not a database. Name a file with {SETTING}.")
    if not is_writable(file):
        return unusable_folder(file)
    return DatabaseRefused(f"The database file {file} cannot be read and written by user {os.geteuid()}. Give it to that user.")


Explanation = Callable[[URL, str], DeepechoError]

_BY_SQLSTATE: Mapping[str, Explanation] = {
    "3D000": lambda url, at: DatabaseRefused(
        f"There is no database {url.database} in {at}. Create it (`createdb {url.database}`), then run `deepecho migrate`."
    ),
    "28P01": lambda url, at: DatabaseRefused(
        f"{at} does not accept the password of user {url.username}. Correct it in {SETTING}."
    ),
    "28000": lambda url, at: DatabaseRefused(
        f"{at} does not let user {url.username} in. Correct the user in {SETTING}, or allow it there (role, pg_hba.conf)."
    ),
    "42501": lambda url, at: DatabaseRefused(
        f"User {url.username} lacks a permission in database {url.database} of {at}. Make that user the database's owner."
    ),
    "53300": lambda url, at: TemporaryError(
        f"{at} has no connection left for {url.username}. End some, or raise max_connections."
    ),
    "57P03": lambda _, at: TemporaryError(f"{at} is starting or stopping. Try again in a moment."),
}
"""By PostgreSQL's SQLSTATE."""


def _server_error(error: Exception, url: URL) -> DeepechoError:
    at = f"PostgreSQL at {url.host or 'localhost'}:{url.port or 5432}"
    known = _BY_SQLSTATE.get(str(getattr(getattr(error, "orig", None), "sqlstate", "")))
    if known is not None:
        return known(url, at)
    if isinstance(error, socket.gaierror):
        return TemporaryError(f"{at} cannot be reached: no such host is known. Correct it in {SETTING}.")
    if isinstance(error, TimeoutError):
        return TemporaryError(f"{at} cannot be reached: it does not answer. Is it running, and does a firewall let us through?")
    if isinstance(error, OSError):
        return TemporaryError(f"{at} cannot be reached. Is it running, and are host and port in {SETTING} right?")
    return TemporaryError(f"{at} did not do it: {driver_error_name(error)}. Its log says why.")
