from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.bot import Stage, open_stage
from tests.harness.databases import migrated_file, sqlite_url

__all__ = ["migrated_file", "sqlite_url"]


@pytest.fixture
async def stage(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, migrated_file) as opened:
        yield opened
        assert opened.slack.gateway.problems == []
