from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.commands import CommandHarness, open_command_harness


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path) as opened:
        yield opened
