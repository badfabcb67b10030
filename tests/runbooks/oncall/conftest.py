import pytest

from storage.store import Store
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.oncall import OncallHarness

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]


@pytest.fixture
def oncall(store: Store) -> OncallHarness:
    return OncallHarness(store)
