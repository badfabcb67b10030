"""Slack's HTTP endpoint as Slack calls it, and payloads of Slack."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.core.intake import Intake
from bot.slack.http import SLACK_PATHS, SlackHttpEndpoint
from bot.slack.listeners import build_app
from bot.slack.payloads import Interaction, parse_inbound
from bot.slack.signatures import Signatures
from bot.web.server import HttpServer
from domain.clock import SystemClock
from domain.inbound import InboundMessage
from runbooks.incidents.stored_events import ChannelEventIntake
from storage.engines import open_engines
from storage.inbox import InboxWriter
from storage.store import Store
from tests.harness.databases import migrated_file, sqlite_url
from tests.harness.fakes.directory import MemoryDirectory
from tests.harness.families import house_registry

__all__ = ["migrated_file", "sqlite_url"]

SECRET = "the-signing-secret"
COMMAND = {
    "command": "/deepecho",
    "text": "rollback production abc1234 --reason “müßte & <soll> 100 %”",
    "user_id": "U0ANA",
    "team_id": "T0HOME",
    "channel_id": "C0OPS",
    "response_url": "https://hooks.slack.com/commands/1/2/3",
    "trigger_id": "1.2.3",
    "user_name": "ana",
}
CLICK = {
    "type": "block_actions",
    "user": {"id": "U0MIA", "team_id": "T0HOME"},
    "team": {"id": "T0HOME"},
    "channel": {"id": "C0OPS"},
    "trigger_id": "4.5.6",
    "response_url": "https://hooks.slack.com/actions/1/2/3",
    "message": {"text": "x" * 3000},
    "actions": [{"action_id": "operation.approve", "value": "op-k7m2", "type": "button"}],
}


TOKEN = "the-old-verification-token"
"""Slack still sends it; whoever has it can pretend to be Slack to programs that trust it."""


@dataclass
class SlackEndpointHarness:
    """The endpoint as Slack calls it, and what it accepted."""

    url: str
    store: Store
    submitted: list[InboundMessage] = field(default_factory=list)
    waiting: int = 0
    has_incidents: bool = True
    woken: int = 0

    def wake(self) -> None:
        """Count what wakes the worker of channel events."""
        self.woken += 1

    async def post(self, path: str, body: bytes, **headers: str) -> tuple[int, str]:
        stamp = headers.pop("stamp", str(int(time.time())))
        signature = headers.pop("signature", Signatures(headers.pop("secret", SECRET)).sign(stamp, body))
        sent = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature, **headers}
        async with aiohttp.ClientSession() as session, session.post(self.url + path, data=body, headers=sent) as response:
            return response.status, await response.text()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Callable[[str, bytes], Awaitable[tuple[int, str]]]]:
        """Posts signed bodies over one connection."""
        async with aiohttp.ClientSession() as session:

            async def post(path: str, body: bytes) -> tuple[int, str]:
                stamp = str(int(time.time()))
                headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": Signatures(SECRET).sign(stamp, body)}
                async with session.post(self.url + path, data=body, headers=headers) as response:
                    return response.status, await response.text()

            yield post

    async def command(self, **headers: str) -> tuple[int, str]:
        return await self.post("/slack/commands", urlencode(COMMAND).encode(), **headers)

    async def interact(self, payload: dict[str, Any]) -> tuple[int, str]:
        return await self.post("/slack/interactions", urlencode({"payload": json.dumps(payload)}).encode())

    async def stored(self) -> list[InboundMessage]:
        async with self.store.read() as tx:
            return list(await tx.inbox.unanswered(received_before=SystemClock().now()))

    async def interaction(self) -> Interaction:
        (delivery,) = await self.stored()
        return parse_inbound(delivery)


@pytest.fixture
async def harness(sqlite_url: str) -> AsyncIterator[SlackEndpointHarness]:
    store = Store(open_engines(sqlite_url))
    harness = SlackEndpointHarness("", store)
    writer = InboxWriter(store.engines.write)
    intake = Intake(writer, SystemClock(), harness.submitted.append, lambda: harness.waiting)
    events = ChannelEventIntake(store, writer, SystemClock(), is_enabled=lambda: harness.has_incidents, wake=harness.wake)
    bolt = build_app(intake, house_registry().form_command_text, MemoryDirectory(), events, ["incident.declare"])
    http = HttpServer("127.0.0.1", 0)
    http.reserve(*SLACK_PATHS)
    http.enable(
        SlackHttpEndpoint(Signatures(SECRET), intake, bolt).serve,
        *SLACK_PATHS,
    )
    harness.url = f"http://127.0.0.1:{await http.open()}"
    yield harness
    await http.close()
    await store.close()


def submission(**filled: str) -> dict[str, Any]:
    values = {name: {"value": {"type": "plain_text_input", "value": value}} for name, value in filled.items()}
    return {
        "type": "view_submission",
        "user": {"id": "U0ANA", "team_id": "T0HOME"},
        "trigger_id": "7.8.9",
        "view": {
            "type": "modal",
            "callback_id": "form",
            "private_metadata": json.dumps({"command": "lock", "channel": "C0OPS", "response_url": "https://hooks.slack.com/1"}),
            "blocks": [{"type": "input", "block_id": name} for name in filled],
            "state": {"values": values},
        },
    }
