from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.operations import OperationsHarness, open_operations_harness


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[OperationsHarness]:
    async with open_operations_harness(tmp_path) as opened:
        yield opened
