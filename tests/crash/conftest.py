from pathlib import Path

import pytest

from tests.harness.crash_databases import FreshDatabases
from tests.harness.postgres import postgres

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> FreshDatabases:
    return FreshDatabases(tmp_path, request.getfixturevalue("postgres") if request.param == "postgres" else None)
