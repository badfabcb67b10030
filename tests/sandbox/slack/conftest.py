"""A local Slack for each test, and a small real bot on it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import LocalSlack, RunningSlack
from tests.harness.bolt_bot import BoltBot, running_bolt_bot


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running
        assert running.gateway.problems == []


@pytest.fixture
async def web(slack: RunningSlack) -> AsyncIterator[AsyncWebClient]:
    """The SDK's client with the bot's token, no retries of its own."""
    # The SDK's own timeout is not applied to a session that it is given.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        yield AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])


@pytest.fixture
async def bot(slack: RunningSlack, web: AsyncWebClient) -> AsyncIterator[BoltBot]:
    """Bolt in Socket Mode, connected."""
    async with running_bolt_bot(slack, web) as small:
        yield small
