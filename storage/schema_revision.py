"""The database's schema revision and the expected one, read without importing Alembic.

The import takes 60 ms and 8 MiB, which a process that does not migrate need not spend.
"""

import re
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.errors import TemporaryError
from storage.engines import Engines

_REVISION = re.compile(r'^revision\s*(?::\s*str\s*)?=\s*["\'](?P<id>\w+)["\']', re.MULTILINE)


def expected_revision() -> str:
    """The revision of the newest migration, by the numbers in the file names."""
    newest_file = max((Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
    match = _REVISION.search(newest_file.read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(f"{newest_file.name} names no revision")
    return match["id"]


async def database_revision(engines: Engines) -> str:
    """The database's revision; empty if it was never migrated. Raises ``TemporaryError``."""
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
    except (DBAPIError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise TemporaryError(f"The database cannot be reached: {type(cause).__name__}.") from error
