from pathlib import Path

import pytest

from tests.harness.crash_databases import Databases
from tests.harness.postgres import postgres

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    return Databases(tmp_path, request.getfixturevalue("postgres") if request.param == "postgres" else None)
