"""The stand-in, and somebody who takes its webhooks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from sandbox.pagerduty import SERVICE_NAME, Pace, StandInPagerDuty, routing_key
from sandbox.pagerduty.model import Incident


@dataclass
class WebhookReceiver:
    """Answers with ``statuses`` in order, the last one again and again, and keeps what comes."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [202])
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])


@asynccontextmanager
async def webhook_receiver() -> AsyncIterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    app = web.Application()
    app.router.add_post("/webhooks/pagerduty", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/pagerduty"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as opened:
        yield opened


@pytest.fixture
async def pagerduty() -> AsyncIterator[StandInPagerDuty]:
    async with StandInPagerDuty(pace=Pace(initial=0.01, maximum=0.02)) as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def trigger(pagerduty: StandInPagerDuty, key: str = "inc-1/1", title: str = "P1 many errors") -> Incident:
    """An alert, as an event would bring it."""
    payload = {"summary": title, "source": "main", "severity": "error", "custom_details": {"facts": ["12 % of requests fail"]}}
    event = {"routing_key": routing_key(SERVICE_NAME), "event_action": "trigger", "dedup_key": key, "payload": payload}
    pagerduty.account.take_event(event)
    return [*pagerduty.account.incidents.values()][-1]
