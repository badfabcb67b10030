"""A private PostgreSQL for tests: started once, a fresh database for each test.

Debian's programs run as the user ``postgres`` where the tests run as root, on a port and in a folder of their own.
``DEEPECHO_TEST_POSTGRES_URL`` names a running server instead; its user must be allowed to create databases.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from storage.migrate import migrate
from tests.harness.ports import free_ports

URL_VARIABLE = "DEEPECHO_TEST_POSTGRES_URL"
_CONFIGURED = "-c listen_addresses=127.0.0.1 -c max_connections=200"
_FORGETFUL = "-c fsync=off -c full_page_writes=off"
_numbers = count()


class PostgresUnavailable(RuntimeError):
    """PostgreSQL cannot be had on this machine; the message says why."""


@dataclass
class PostgresServer:
    """A server. ``url`` leads to its database for administration."""

    url: str
    _template: str = ""
    _created: list[str] = field(default_factory=list)
    _reusable: list[str] = field(default_factory=list)

    def create_migrated(self) -> str:
        """The address of a database with the present schema and not a row in it."""
        if self._reusable:
            return self._reusable.pop()
        if not self._template:
            self._template = self._create("")
            asyncio.run(migrate(self._address(self._template)))
        return self._address(self._create(self._template))

    def release(self, url: str) -> None:
        """Empty a database that came from ``fresh`` for the next test: making a new one takes fifty times as long.

        One that got a schema of somebody else's in the meantime is left alone.
        """
        if asyncio.run(_truncate_all(url)):
            self._reusable.append(url)

    def create_empty(self) -> str:
        """The address of a new database with nothing in it."""
        return self._address(self._create(""))

    def drop_all(self) -> None:
        """Remove every database that was made here."""
        for name in self._created:
            self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _create(self, template: str) -> str:
        name = f"deepecho_test_{os.getpid()}_{next(_numbers)}"
        self._run(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        self._created.append(name)
        return name

    def _address(self, database: str) -> str:
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()

    def _run(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.url)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        asyncio.run(run())


async def _truncate_all(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        own_connections = "datname = current_database() AND pid <> pg_backend_pid()"
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + own_connections)  # noqa: S608 -- as above
        foreign_schemas = (
            "SELECT count(*) FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' AND nspname NOT IN ('public', 'information_schema')"
        )
        if await connection.fetchval(foreign_schemas):
            return False
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = ", ".join(f'"{name}"' for (name,) in names if name != "alembic_version")
        await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
    finally:
        await connection.close()
    return True


@pytest.fixture
def postgres(shared_postgres: PostgresServer) -> PostgresServer:
    """The server. Every module that imports this has a fixture of its own, and so it must not be what starts one."""
    return shared_postgres


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[PostgresServer]:
    """One server for all tests of a process. Where there is none, a skip that says why; in CI a failure."""
    try:
        with running_postgres() as url:
            running = PostgresServer(url)
            yield running
            if URL_VARIABLE in os.environ:  # ours goes as a whole
                running.drop_all()
    except PostgresUnavailable as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[str]:
    """The address of a server that runs for so long. A ``durable`` one syncs its commits, as a real one does.

    Raises `PostgresUnavailable`.
    """
    if url := os.environ.get(URL_VARIABLE):
        yield url
        return
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="deepecho-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _chown_to_postgres(folder)
        port = free_ports()
        _run_as_postgres(programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-p {port} -k {folder} {_CONFIGURED}{'' if durable else f' {_FORGETFUL}'}"
        control = (programs / "pg_ctl", "-D", folder / "data", "-w")
        _run_as_postgres(*control, "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run_as_postgres(*control, "-m", "immediate", "stop")


def _programs() -> Path:
    on_path = shutil.which("initdb")
    found = [Path(on_path)] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if not found:
        raise PostgresUnavailable(f"PostgreSQL is not installed (Debian: apt install postgresql) and {URL_VARIABLE} is not set.")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        raise PostgresUnavailable("PostgreSQL does not run as root, and there is no runuser to run it as somebody else.")
    return found[-1].parent


def _version(path: Path) -> float:
    return float(path.parent.parent.name)


def _chown_to_postgres(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")


def _run_as_postgres(*command: str | Path) -> None:
    arguments = [str(word) for word in command]
    if os.geteuid() == 0:
        arguments = ["runuser", "-u", "postgres", "--", *arguments]
    done = subprocess.run(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd="/"
    )
    if done.returncode != 0:
        raise PostgresUnavailable(f"{Path(arguments[-1]).name} failed: {done.stderr.strip()[-300:]}")
