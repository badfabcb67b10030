"""A database that cannot be used: each case is said in a sentence, with what to do, by every command that needs it."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import text

from domain.errors import DeepechoError, PermanentError, TemporaryError
from storage.database_errors import DatabaseRefused
from storage.engines import open_engines
from storage.migrate import migrate
from storage.schema_revision import NotMigrated, expected_revision, known_revisions, require_schema
from tests.harness.database_outage import database_unavailable
from tests.harness.file_rights import read_only, without_rights
from tests.harness.postgres import URL_VARIABLE, PostgresServer

NEWEST = expected_revision()


async def refusal(url: str) -> DeepechoError:
    """What a person is told who asks whether this database can be used."""
    engines = open_engines(url, pooled=False)
    try:
        with pytest.raises(DeepechoError) as refused:
            await require_schema(engines)
    finally:
        await engines.dispose()
    return refused.value


async def refusal_of_migrating(url: str) -> DeepechoError:
    with pytest.raises(DeepechoError) as refused:
        await migrate(url)
    return refused.value


async def at_revision(url: str, revision: str) -> None:
    """The database says that it is at this revision, whatever its tables are."""
    engines = open_engines(url, pooled=False)
    async with engines.write.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    await engines.dispose()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may look into, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="deepecho-database-") as name:
        made = Path(name)
        made.chmod(0o755)
        yield made


def files_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_a_database_of_this_version_is_good(database_url: str) -> None:
    engines = open_engines(database_url, pooled=False)
    assert await require_schema(engines) == NEWEST
    await engines.dispose()


async def test_an_empty_schema(empty_database_url: str) -> None:
    engines = open_engines(empty_database_url, pooled=False)
    async with engines.write.begin() as connection:
        await connection.execute(text("CREATE TABLE of_somebody_else (id INTEGER)"))
    await engines.dispose()
    said = await refusal(empty_database_url)
    assert isinstance(said, NotMigrated)
    assert str(said) == f"The database has no schema yet; this version needs {NEWEST}. Run `deepecho migrate`."


async def test_an_older_revision(empty_database_url: str) -> None:
    oldest = known_revisions()[0]
    await migrate(empty_database_url, oldest)
    said = await refusal(empty_database_url)
    assert isinstance(said, NotMigrated)
    assert str(said) == f"The database is at {oldest}; this version needs {NEWEST}. Run `deepecho migrate`."
    await migrate(empty_database_url)


async def test_a_newer_revision_is_neither_used_nor_migrated(database_url: str) -> None:
    await at_revision(database_url, "9999")
    for said in (await refusal(database_url), await refusal_of_migrating(database_url)):
        assert isinstance(said, NotMigrated)
        assert str(said) == (
            f"The database is at 9999, which this version does not know; it knows {', '.join(known_revisions())}. "
            "A newer version has migrated it: run that one, or restore the backup from before."
        )
    await at_revision(database_url, NEWEST)


async def test_a_missing_file_is_not_made_by_asking(folder: Path) -> None:
    said = await refusal(f"sqlite:///{folder}/here.db")
    assert isinstance(said, NotMigrated)
    assert str(said) == (
        f"There is no database file {folder}/here.db. "
        "Run `deepecho migrate`, which makes it; or name another with DEEPECHO_DATABASE_URL."
    )
    assert files_in(folder) == []


async def test_a_missing_folder(folder: Path) -> None:
    said = await refusal(f"sqlite:///{folder}/nowhere/here.db")
    assert str(said).startswith(f"There is no database file {folder}/nowhere/here.db, nor its folder. Run `deepecho migrate`")
    told = await refusal_of_migrating(f"sqlite:///{folder}/nowhere/here.db")
    assert str(told).startswith(f"There is no folder {folder}/nowhere for the database. Make it")


async def test_an_empty_file(folder: Path) -> None:
    (folder / "here.db").touch()
    assert "has no schema yet" in str(await refusal(f"sqlite:///{folder}/here.db"))


async def test_a_file_that_is_no_database(folder: Path) -> None:
    (folder / "here.db").write_text("To whom it may concern\n" * 100)
    url = f"sqlite:///{folder}/here.db"
    for said in (await refusal(url), await refusal_of_migrating(url)):
        assert isinstance(said, DatabaseRefused)
        assert str(said) == (
            f"{folder}/here.db is not an SQLite database. Move it away, or name another file with DEEPECHO_DATABASE_URL."
        )


async def test_a_folder_in_the_place_of_the_file(folder: Path) -> None:
    said = await refusal(f"sqlite:///{folder}")
    assert str(said) == f"{folder} is a folder, not a database. Name a file with DEEPECHO_DATABASE_URL."


@pytest.mark.parametrize("file", ["new.db", "nowhere/new.db", "there.db", "written.db"])
async def test_a_folder_that_may_not_be_written_to(folder: Path, file: str) -> None:
    url, parent = f"sqlite:///{folder}/{file}", (folder / file).parent
    with read_only(folder), without_rights() as user:
        asked, migrated = await refusal(url), await refusal_of_migrating(url)
    assert isinstance(asked, DatabaseRefused)
    assert str(asked) == (
        f"The folder {parent} of the database cannot be written to by user {user}. "
        "Give it to that user, or name another file with DEEPECHO_DATABASE_URL."
    )
    assert isinstance(migrated, DatabaseRefused)
    assert str(parent) in str(migrated)


async def test_a_file_that_may_not_be_read(folder: Path) -> None:
    (folder / "here.db").touch(0o000)
    os.chmod(folder, 0o777)  # noqa: PTH101, S103 -- the file's own mode is what is tried here
    with without_rights() as user:
        said = await refusal(f"sqlite:///{folder}/here.db")
    assert str(said) == f"The database file {folder}/here.db cannot be read and written by user {user}. Give it to that user."


async def test_a_folder_that_may_not_be_entered(folder: Path) -> None:
    (folder / "closed").mkdir(0o000)
    with without_rights() as user:
        said = await refusal(f"sqlite:///{folder}/closed/here.db")
    assert str(said).startswith(f"The folder {folder}/closed of the database cannot be written to by user {user}.")


def elsewhere(url: str, *, user: str = "", database: str = "", address: str = "") -> str:
    """The same address but for these parts."""
    parts = urlsplit(url)
    host = address or f"{parts.hostname}:{parts.port}"
    return parts._replace(netloc=f"{user or parts.username}@{host}", path=f"/{database or parts.path[1:]}").geturl()


def server_of(url: str) -> str:
    return f"PostgreSQL at {urlsplit(url).hostname}:{urlsplit(url).port}"


@pytest.mark.postgres
class TestPostgres:
    async def test_no_such_database(self, postgres: PostgresServer) -> None:
        url = elsewhere(postgres.url, database="not_made_yet")
        for said in (await refusal(url), await refusal_of_migrating(url)):
            assert isinstance(said, DatabaseRefused)
            assert str(said) == (
                f"There is no database not_made_yet in {server_of(url)}. "
                "Create it (`createdb not_made_yet`), then run `deepecho migrate`."
            )

    async def test_no_such_user(self, postgres: PostgresServer) -> None:
        url = elsewhere(postgres.url, user="a_stranger")
        said = await refusal(url)
        assert isinstance(said, DatabaseRefused)
        assert str(said).startswith(
            f"{server_of(url)} does not let user a_stranger in. Correct the user in DEEPECHO_DATABASE_URL"
        )

    async def test_a_wrong_password(self, postgres: PostgresServer) -> None:
        async with asks_for_passwords(postgres, "deepecho_wrong_password"):
            url = elsewhere(postgres.url, user="deepecho_wrong_password:hunter2")
            said = await refusal(url)
        assert isinstance(said, DatabaseRefused)
        assert str(said) == (
            f"{server_of(url)} does not accept the password of user deepecho_wrong_password. Correct it in DEEPECHO_DATABASE_URL."
        )

    async def test_a_user_who_may_not_make_tables(self, postgres: PostgresServer, postgres_empty_url: str) -> None:
        async with user_of(postgres, "deepecho_reader"):
            url = elsewhere(postgres_empty_url, user="deepecho_reader")
            said = await refusal_of_migrating(url)
        assert isinstance(said, DatabaseRefused)
        assert str(said).startswith("User deepecho_reader lacks a permission in database")

    async def test_a_server_that_is_down(self) -> None:
        said = await refusal("postgresql://postgres:hunter2@127.0.0.1:9/deepecho")
        assert isinstance(said, TemporaryError)
        assert str(said) == (
            "PostgreSQL at 127.0.0.1:9 cannot be reached. Is it running, and are host and port in DEEPECHO_DATABASE_URL right?"
        )

    async def test_a_host_that_nobody_knows(self) -> None:
        said = await refusal("postgresql://postgres:hunter2@database.invalid/deepecho")
        assert str(said) == (
            "PostgreSQL at database.invalid:5432 cannot be reached: no such host is known. Correct it in DEEPECHO_DATABASE_URL."
        )

    async def test_what_is_not_foreseen_is_named_without_values(self, postgres_empty_url: str) -> None:
        async with database_unavailable(postgres_empty_url):
            said = await refusal(postgres_empty_url)
        assert isinstance(said, TemporaryError)
        assert not isinstance(said, PermanentError)
        assert str(said) == f"{server_of(postgres_empty_url)} did not do it: Error. Its log says why."


@asynccontextmanager
async def user_of(postgres: PostgresServer, name: str) -> AsyncIterator[asyncpg.Connection]:
    """A user with a password, for as long as the block lasts."""
    admin = await asyncpg.connect(postgres.url)
    try:
        await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'right'")
        yield admin
        await admin.execute(f"DROP ROLE {name}")
    finally:
        await admin.close()


@asynccontextmanager
async def asks_for_passwords(postgres: PostgresServer, name: str) -> AsyncIterator[None]:
    """Our own server, which otherwise trusts everybody on this machine, asks this user for the password."""
    async with user_of(postgres, name) as admin:
        if URL_VARIABLE in os.environ:  # somebody else's: its rules are not ours to change, and it asks for passwords already
            yield
            return
        with first_rule(await admin.fetchval("SHOW hba_file"), f"host all {name} all scram-sha-256"):
            await admin.execute("SELECT pg_reload_conf()")
            async with asyncio.timeout(10):
                while await lets_in(elsewhere(postgres.url, user=f"{name}:wrong")):
                    await asyncio.sleep(0.02)
            yield
        await admin.execute("SELECT pg_reload_conf()")


@contextmanager
def first_rule(file: str, rule: str) -> Iterator[None]:
    rules = Path(file)
    before = rules.read_text()
    rules.write_text(f"{rule}\n{before}")
    yield
    rules.write_text(before)


async def lets_in(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidPasswordError:
        return False
    await connection.close()
    return True
