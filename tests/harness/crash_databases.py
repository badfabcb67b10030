"""A fresh, migrated database for each story; made before the loop runs, because Alembic migrates one at a time."""

import asyncio
import shutil
from pathlib import Path

from storage.migrate import migrate
from tests.harness.postgres import PostgresServer

MAX_RUNS = 40


class FreshDatabases:
    """Folders with their databases: a file of its own, or a fresh database of a server."""

    def __init__(self, folder: Path, postgres: PostgresServer | None) -> None:
        self._folder = folder
        self._servers = [postgres.create_migrated() for _ in range(MAX_RUNS)] if postgres else []
        self._template = folder / "template.sqlite"
        if postgres is None:
            asyncio.run(migrate(f"sqlite:///{self._template}"))

    def take(self, name: str) -> tuple[Path, str]:
        """A new folder of this name, and the database for the bot in it."""
        home = self._folder / name
        home.mkdir(parents=True)
        if self._servers:
            return home, self._servers.pop()
        file = home / "deepecho.sqlite"
        shutil.copyfile(self._template, file)
        return home, f"sqlite:///{file}"
