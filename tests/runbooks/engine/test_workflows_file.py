"""The file of the workflows, which lies beside SQLite's: what is wrong with it is said in a sentence before anything is done."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runbooks.engine.engine import Engine
from runbooks.engine.lease import SingleReplicaLease
from storage.database_errors import DatabaseRefused

ROWS = 100


def garbage(file: Path) -> None:
    file.write_bytes(b"To whom it may concern\n" * 1000)


def truncated(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE letters (text)")
        connection.executemany("INSERT INTO letters VALUES (?)", [("x" * 1000,)] * ROWS)
        connection.commit()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def made_by_a_newer_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE dbos_migrations (version INTEGER)")
        connection.execute("INSERT INTO dbos_migrations VALUES (9999)")
        connection.commit()


def made_by_another_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE workflow_status (colour TEXT)")
        connection.commit()


def folder(file: Path) -> None:
    file.mkdir()


CASES: list[tuple[Callable[[Path], None], str]] = [
    (garbage, "is not an SQLite database. Move it away"),
    (truncated, "is damaged. Restore it from a backup"),
    (made_by_a_newer_version, "are not those of this version"),
    (made_by_another_program, "are not those of this version"),
    (folder, "is a folder, not a database"),
]


@pytest.mark.parametrize(("spoil", "told"), CASES, ids=lambda each: getattr(each, "__name__", ""))
async def test_a_file_that_cannot_be_used(spoil: Callable[[Path], None], told: str, tmp_path: Path) -> None:
    spoil(tmp_path / "deepecho.sqlite-workflows")
    engine = Engine(f"sqlite:///{tmp_path / 'deepecho.sqlite'}", SingleReplicaLease("replica-1"))

    async def procedure(_operation: str) -> None:
        raise AssertionError("nothing is to be run")

    try:
        with pytest.raises(DatabaseRefused) as refusal:
            await engine.open(procedure)
    finally:
        await engine.close()
    assert "deepecho.sqlite-workflows" in str(refusal.value)
    assert told in str(refusal.value)
