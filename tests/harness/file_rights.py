"""Files and folders without rights."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

NOBODY = 65534
"""The user that has no rights, where the tests themselves run as root."""


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder with an empty database and one that was written to, in which nothing new may be made."""
    (folder / "there.db").touch(0o666)
    with closing(sqlite3.connect(folder / "written.db")) as made:
        made.execute("PRAGMA journal_mode=WAL")
    (folder / "written.db").chmod(0o666)
    folder.chmod(0o555)
    yield
    folder.chmod(0o755)


@contextmanager
def without_rights() -> Iterator[int]:
    """As a user whom folders of mode 0555 keep out; root is kept out by nothing."""
    if os.geteuid() != 0:
        yield os.geteuid()
        return
    os.seteuid(NOBODY)
    try:
        yield NOBODY
    finally:
        os.seteuid(0)
