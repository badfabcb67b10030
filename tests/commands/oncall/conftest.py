from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.oncall import ACCOUNTS, LAYER, oncall_catalogue

SECONDARY = {**LAYER, "name": "secondary", "people": ["lee", "ray", "ana"], "handoff": {"at": "12:00", "days": ["mon"]}}
ZONES = {"ana": "Europe/Berlin", "lee": "America/Chicago", "ray": "Australia/Lord_Howe", "sam": "Europe/Berlin", "viv": "UTC"}


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    """On Monday 23 November Ray is on call, Lee is second; a week later Ana, and Ray. Everybody has a clock of their own."""
    async with open_command_harness(tmp_path, oncall_catalogue(LAYER, SECONDARY)) as opened:
        for name, zone in ZONES.items():
            opened.directory.change(replace(ACCOUNTS[name], time_zone=zone))
        yield opened
