"""The schema: up, down and up again on both databases, and the same as the tables say."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from storage.engines import open_engines
from storage.migrate import head_revision, migrate
from storage.schema_revision import database_revision, expected_revision
from storage.tables import metadata


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
    return list(compare_metadata(context, metadata))


def shape(connection: Connection) -> dict[str, object]:
    """Every table with its columns, indexes and the names of its constraints."""
    look = inspect(connection)
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in look.get_columns(name)],
            sorted((index["name"] or "", tuple(index["column_names"])) for index in look.get_indexes(name)),
            look.get_pk_constraint(name)["name"],
            sorted(str(unique["name"]) for unique in look.get_unique_constraints(name)),
        )
        for name in look.get_table_names()
        if name != "alembic_version"
    }


async def seen(url: str, look: object) -> object:
    engines = open_engines(url, pooled=False)
    async with engines.read.connect() as connection:
        return await connection.run_sync(look)  # type: ignore[arg-type]


async def is_current(url: str) -> bool:
    """As a process that does not migrate sees it."""
    engines = open_engines(url, pooled=False)
    try:
        return await database_revision(engines) == expected_revision()
    finally:
        await engines.dispose()


def test_the_quick_look_expects_what_the_migrations_lead_to() -> None:
    assert expected_revision() == head_revision()


async def test_up_down_and_up_again(empty_database_url: str) -> None:
    assert not await is_current(empty_database_url)
    await migrate(empty_database_url)
    assert await is_current(empty_database_url)
    assert await seen(empty_database_url, differences) == []
    before = await seen(empty_database_url, shape)
    await migrate(empty_database_url, "base")
    assert await seen(empty_database_url, shape) == {}
    assert not await is_current(empty_database_url)
    await migrate(empty_database_url)
    assert await seen(empty_database_url, shape) == before


async def test_a_revision_by_name_goes_either_way(empty_database_url: str) -> None:
    newest = head_revision()
    assert newest is not None
    await migrate(empty_database_url, newest)
    await migrate(empty_database_url, newest)
    assert await is_current(empty_database_url)


async def test_every_constraint_has_a_name(empty_database_url: str) -> None:
    """SQLite cannot drop a nameless one."""
    await migrate(empty_database_url)
    tables = await seen(empty_database_url, shape)
    assert isinstance(tables, dict)
    assert tables.keys() == metadata.tables.keys()
    for name, (_, _, primary, uniques) in tables.items():
        assert primary or name in ("outbox", "page_messages")  # SQLite counts rows by itself only in a nameless primary key
        assert all(unique not in {"", "None"} for unique in uniques)


@pytest.mark.postgres
async def test_replicas_that_start_together_migrate_one_after_the_other(postgres_empty_url: str) -> None:
    await asyncio.gather(*(migrate(postgres_empty_url) for _ in range(4)))
    assert await is_current(postgres_empty_url)
