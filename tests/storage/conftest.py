from tests.harness.databases import (
    database_url,
    empty_database_url,
    migrated_file,
    postgres,
    postgres_empty_url,
    postgres_url,
    sqlite_empty_url,
    sqlite_url,
    store,
)

__all__ = [
    "database_url",
    "empty_database_url",
    "migrated_file",
    "postgres",
    "postgres_empty_url",
    "postgres_url",
    "sqlite_empty_url",
    "sqlite_url",
    "store",
]
