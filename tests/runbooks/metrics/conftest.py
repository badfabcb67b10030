import pytest

from tests.harness.databases import migrated_file, sqlite_url, store

__all__ = ["migrated_file", "sqlite_url", "store"]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: what is sent are outbox rows, which other tests hold on both databases."""
    return sqlite_url
