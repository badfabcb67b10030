"""PagerDuty's stand-in, with our clients of it."""

from collections.abc import AsyncIterator

import pytest

from integrations.pagerduty import PagerDutyApi, PagerDutyEvents, open_pagerduty_api, open_pagerduty_events
from sandbox.pagerduty import BOT_EMAIL, SERVICE_NAME, Pace, StandInPagerDuty, routing_key


@pytest.fixture
async def pagerduty() -> AsyncIterator[StandInPagerDuty]:
    async with StandInPagerDuty(pace=Pace(initial=0.02, maximum=0.05)) as server:
        yield server


@pytest.fixture
async def events(pagerduty: StandInPagerDuty) -> AsyncIterator[PagerDutyEvents]:
    async with open_pagerduty_events(pagerduty.url, {SERVICE_NAME: routing_key(SERVICE_NAME)}, timeout_seconds=2) as opened:
        yield opened


@pytest.fixture
async def api(pagerduty: StandInPagerDuty) -> AsyncIterator[PagerDutyApi]:
    async with open_pagerduty_api(pagerduty.url, pagerduty.api_token, BOT_EMAIL, pagerduty.clock, timeout_seconds=2) as opened:
        yield opened
