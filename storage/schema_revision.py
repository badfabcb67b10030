"""The database's schema revision and the expected one, read without importing Alembic.

The import takes 60 ms and 8 MiB, which a process that does not migrate need not spend.
"""

import re
from pathlib import Path

from sqlalchemy import text

from domain.errors import Refused
from storage.database_errors import SETTING, explain, is_writable, sqlite_file, unusable_folder
from storage.engines import UNAVAILABLE_ERRORS, Engines

_REVISION = re.compile(r'^revision\s*(?::\s*str\s*)?=\s*["\'](?P<id>\w+)["\']', re.MULTILINE)


class NotMigrated(Refused):
    """The database's schema is not the one that this version expects."""


def expected_revision() -> str:
    """The revision of the newest migration, by the numbers in the file names."""
    return known_revisions()[-1]


def known_revisions() -> tuple[str, ...]:
    """The revisions that this version has migrations for, oldest first."""
    return tuple(_revision_in(file) for file in sorted((Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py")))


def _revision_in(file: Path) -> str:
    match = _REVISION.search(file.read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(f"{file.name} names no revision")
    return match["id"]


async def require_schema(engines: Engines) -> str:
    """The database's revision, which is this version's.

    Raises ``NotMigrated``, and ``TemporaryError`` or ``DatabaseRefused`` where it cannot be asked. Each says what to do.
    """
    file = sqlite_file(engines.read.url)
    if file is not None:
        _require_file(file)
    revision, expected = await database_revision(engines), expected_revision()
    if not revision:
        raise NotMigrated(f"The database has no schema yet; this version needs {expected}. Run `deepecho migrate`.")
    refuse_newer(revision)
    if revision != expected:
        raise NotMigrated(f"The database is at {revision}; this version needs {expected}. Run `deepecho migrate`.")
    return revision


def refuse_newer(revision: str) -> None:
    """Raise ``NotMigrated`` for a revision that this version has no migration for."""
    known = known_revisions()
    if revision not in known:
        sentence = (
            f"The database is at {revision}, which this version does not know; it knows {', '.join(known)}. "
            "A newer version has migrated it: run that one, or restore the backup from before."
        )
        raise NotMigrated(sentence)


async def database_revision(engines: Engines) -> str:
    """The database's revision; empty if it was never migrated. Raises ``TemporaryError`` or ``DatabaseRefused``."""
    table_exists = (
        "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        if engines.is_sqlite
        else "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL"
    )
    try:
        async with engines.read.connect() as connection:
            if (await connection.execute(text(table_exists))).scalar_one_or_none() is None:
                return ""
            return str((await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none() or "")
    except UNAVAILABLE_ERRORS as error:
        raise explain(error, engines.read.url) from error


def _require_file(file: Path) -> None:
    """SQLite would make the file that it does not find, and an empty file hides that the path was wrong."""
    try:
        file.stat()
    except PermissionError as error:
        raise unusable_folder(file) from error
    except OSError as error:
        if not is_writable(file):
            raise unusable_folder(file) from error
        missing = f"There is no database file {file}" + ("" if file.parent.exists() else ", nor its folder")
        sentence = f"{missing}. Run `deepecho migrate`, which makes it; or name another with {SETTING}."
        raise NotMigrated(sentence) from error
