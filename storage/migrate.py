"""Migrations: move the database's schema to the revision that this version of the program expects, or to another one."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.database_errors import explain
from storage.engines import UNAVAILABLE_ERRORS, open_engines
from storage.schema_revision import refuse_newer

MIGRATION_LOCK_KEY = 0x64656570
"""Key of an advisory lock on PostgreSQL: replicas that start together must not migrate at the same time."""


async def migrate(url: str, revision: str = "head") -> None:
    """Migrate the schema to a revision, forwards or backwards. ``base`` is an empty database.

    Raises ``NotMigrated`` where a newer version has migrated it, and ``TemporaryError`` or ``DatabaseRefused`` where it cannot
    be used.
    """
    engines = open_engines(url, pooled=False)
    try:
        async with engines.write.begin() as connection:
            if not engines.is_sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK_KEY})
            await connection.run_sync(_migrate_to, revision)
    except UNAVAILABLE_ERRORS as error:
        raise explain(error, engines.write.url) from error
    finally:
        await engines.dispose()


def current_revision(connection: Connection) -> str | None:
    """The database's revision; None if it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str | None:
    """The newest revision."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def _migrate_to(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    current, script_directory = current_revision(connection), ScriptDirectory.from_config(config)
    if current is not None:
        refuse_newer(current)
    if revision == "base" or (current is not None and revision != "head" and _is_older(script_directory, revision, current)):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _is_older(script_directory: ScriptDirectory, revision: str, current: str) -> bool:
    return any(
        older.revision == revision for older in script_directory.iterate_revisions(current, "base") if older.revision != current
    )
