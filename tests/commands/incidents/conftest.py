from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.samples.team import team_catalogue


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    """Commands where the catalogue has incidents."""
    async with open_command_harness(tmp_path, team_catalogue(incidents={})) as opened:
        yield opened
