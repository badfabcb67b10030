"""One local Slack for all these tests, as at its start for each of them; so they share a loop."""

from collections.abc import AsyncIterator

import pytest_asyncio

from sandbox.slack.local import LocalSlack, RunningSlack
from storage.engines import open_engines
from storage.store import Store
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def slack(running_slack: RunningSlack) -> AsyncIterator[RunningSlack]:
    await running_slack.client.reset()
    yield running_slack
    assert running_slack.gateway.problems == []


@pytest_asyncio.fixture(loop_scope="session")
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store(open_engines(database_url))
    yield opened
    await opened.close()
