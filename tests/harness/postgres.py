"""A private PostgreSQL for tests: started once, a fresh database for each test.

Debian's programs run as the user ``postgres`` where the tests run as root, on a port and in a folder of their own.
``DEEPECHO_TEST_POSTGRES_URL`` names a running server instead; its user must be allowed to create databases.
"""

import asyncio
import os
import shutil
import socket
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

URL_VARIABLE = "DEEPECHO_TEST_POSTGRES_URL"
_CONFIGURED = "-c listen_addresses=127.0.0.1 -c max_connections=200"
_FORGETFUL = "-c fsync=off -c full_page_writes=off"
_numbers = count()


class NoPostgres(RuntimeError):
    """PostgreSQL cannot be had on this machine; the message says why."""


@dataclass
class Postgres:
    """A server. ``url`` leads to its database for administration."""

    url: str
    _template: str = ""
    _made: list[str] = field(default_factory=list)
    _emptied: list[str] = field(default_factory=list)

    def fresh(self) -> str:
        """The address of a database with the present schema and not a row in it."""
        if self._emptied:
            return self._emptied.pop()
        if not self._template:
            self._template = self._create("")
            asyncio.run(migrate(self._address(self._template)))
        return self._address(self._create(self._template))

    def give_back(self, url: str) -> None:
        """Empty a database that came from ``fresh`` for the next test: making a new one takes fifty times as long.

        One that got a schema of somebody else's in the meantime is left alone.
        """
        if asyncio.run(_emptied(url)):
            self._emptied.append(url)

    def empty(self) -> str:
        """The address of a new database with nothing in it."""
        return self._address(self._create(""))

    def drop_all(self) -> None:
        """Remove every database that was made here."""
        for name in self._made:
            self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _create(self, template: str) -> str:
        name = f"deepecho_test_{os.getpid()}_{next(_numbers)}"
        self._run(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        self._made.append(name)
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


async def _emptied(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        mine = "datname = current_database() AND pid <> pg_backend_pid()"
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + mine)  # noqa: S608 -- as above
        foreign = (
            "SELECT count(*) FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' AND nspname NOT IN ('public', 'information_schema')"
        )
        if await connection.fetchval(foreign):
            return False
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = ", ".join(f'"{name}"' for (name,) in names if name != "alembic_version")
        await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
    finally:
        await connection.close()
    return True


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server; a skip that says why where there is none, a failure in CI."""
    try:
        with server() as url:
            running = Postgres(url)
            yield running
            if URL_VARIABLE in os.environ:  # ours goes as a whole
                running.drop_all()
    except NoPostgres as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """The address of a server that runs for so long. A ``durable`` one syncs its commits, as a real one does.

    Raises `NoPostgres`.
    """
    if url := os.environ.get(URL_VARIABLE):
        yield url
        return
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="deepecho-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _hand_over(folder)
        port = _free_port()
        _run(programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-p {port} -k {folder} {_CONFIGURED}{'' if durable else f' {_FORGETFUL}'}"
        control = (programs / "pg_ctl", "-D", folder / "data", "-w")
        _run(*control, "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run(*control, "-m", "immediate", "stop")


def _programs() -> Path:
    on_path = shutil.which("initdb")
    found = [Path(on_path)] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if not found:
        raise NoPostgres(f"PostgreSQL is not installed (Debian: apt install postgresql) and {URL_VARIABLE} is not set.")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        raise NoPostgres("PostgreSQL does not run as root, and there is no runuser to run it as somebody else.")
    return found[-1].parent


def _version(path: Path) -> float:
    return float(path.parent.parent.name)


def _hand_over(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")


def _run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", "postgres", "--", *words]
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd="/")
    if done.returncode != 0:
        raise NoPostgres(f"{Path(words[-1]).name} failed: {done.stderr.strip()[-300:]}")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
