"""Payloads of the socket that Slack would not send: acknowledged, so that they do not come again, and one line of log."""

import logging
from typing import Any

import pytest
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.intake import Intake
from bot.slack.listeners import build_app
from bot.slack.socket_connection import SocketModeConnection
from domain.clock import SystemClock
from domain.errors import TemporaryError
from domain.inbound import InboundMessage
from tests.harness.fakes.directory import MemoryDirectory
from tests.harness.families import house_registry


class UnavailableInbox:
    """The database is away."""

    async def put(self, _inbound: InboundMessage) -> bool:
        raise TemporaryError("The database is away. Nothing was kept.")


class FakeSocket:
    """Records what is acknowledged."""

    def __init__(self) -> None:
        self.logger = logging.getLogger("socket")
        self.acknowledged: list[str] = []

    async def send_socket_mode_response(self, response: SocketModeResponse) -> None:
        self.acknowledged.append(response.envelope_id)


async def deliver(payload: dict[str, Any]) -> list[str]:
    """Which envelopes were acknowledged."""
    intake = Intake(UnavailableInbox(), SystemClock(), lambda _: None, lambda: 0)
    app = build_app(intake, house_registry().form_command_text, MemoryDirectory())
    connection = SocketModeConnection(app, "xapp-1", AsyncWebClient(), lambda _: None)
    socket: Any = FakeSocket()
    listener: Any = connection.socket_mode_request_listeners[0]
    await listener(socket, SocketModeRequest(type="interactive", envelope_id="e1", payload=payload))
    await connection.close()  # type: ignore[no-untyped-call]
    acknowledged: list[str] = socket.acknowledged
    return acknowledged


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "view_submission", "view": "x"},
        {"type": "view_submission", "view": {"private_metadata": "no json"}, "user": {"id": "U0"}},
        {"type": "block_actions", "actions": [], "user": {"id": "U0"}},
        {"type": "block_actions", "actions": [{"action_id": "x"}], "user": 5},
        {"type": "event_callback", "event": {"type": 5}},
        {"command": "/deepecho", "user_id": "\ud800", "team_id": "T0"},
    ],
)
async def test_what_slack_would_not_send_is_acknowledged_without_a_traceback(
    payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert await deliver(payload) == ["e1"]
    assert "Traceback" not in caplog.text


async def test_what_could_not_be_stored_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    click = {"type": "block_actions", "actions": [{"action_id": "x"}], "user": {"id": "U0", "team_id": "T0"}, "trigger_id": "1.2"}
    assert await deliver(click) == []
    assert "Traceback" not in caplog.text
