"""One Chromium for each test: its windows share nothing."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.harness.slack_page import chromium


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched
