from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.bot import BotHarness, open_bot_harness
from tests.harness.databases import migrated_file, sqlite_url

__all__ = ["migrated_file", "sqlite_url"]


@pytest.fixture
async def harness(tmp_path: Path, migrated_file: Path) -> AsyncIterator[BotHarness]:
    async with open_bot_harness(tmp_path, migrated_file) as opened:
        yield opened
        assert opened.slack.gateway.problems == []
