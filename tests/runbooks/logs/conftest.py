from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]
