"""The two databases, migrated, a fresh one for each test. A conftest imports what its tests use."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.engines import open_engines
from storage.migrate import migrate
from storage.store import Store
from tests.harness.postgres import PostgresServer, postgres

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

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the present schema, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "deepecho.db"
    asyncio.run(migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'deepecho.db')}"


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    url = postgres.create_migrated()
    yield url
    postgres.release(url)


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database, once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def sqlite_empty_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def postgres_empty_url(postgres: PostgresServer) -> str:
    return postgres.create_empty()


@pytest.fixture(params=BOTH)
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database without tables, once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_empty_url")
    return url


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store(open_engines(database_url))
    yield opened
    await opened.close()
