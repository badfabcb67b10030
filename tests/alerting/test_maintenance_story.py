"""A maintenance window in the sandbox, with a real Alertmanager: what the team reads from its begin to its report."""

import os
from pathlib import Path

import pytest

from sandbox.platform import SandboxSettings, open_sandbox
from sandbox.slack.client import SlackUsers, open_slack_users
from sandbox.slack.message_views import MessageView
from sandbox.slack.observer import user_id
from tests.harness.monitoring_servers import newer_alertmanager_folder
from tests.harness.ports import free_ports

PATIENCE = 60.0
SCOPE = "alertname=HighErrorRate,RedisDown service=deep-echo-main"
PLAN = f'maintenance plan development "RDS minor upgrade" --for 1h --silence "{SCOPE}"'


@pytest.fixture(params=["of-the-system", "newer"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SandboxSettings:
    if request.param == "newer":
        monkeypatch.setenv("PATH", f"{newer_alertmanager_folder()}:{os.environ['PATH']}")
    return SandboxSettings(port=free_ports(), folder=tmp_path, fast=True)


async def _reply(people: SlackUsers, card: MessageView, text: str) -> MessageView:
    return await people.wait_for_message(
        lambda message: message.is_reply and message.thread_ts == card.ts and text in message.visible_text,
        PATIENCE,
        channel="deploys",
    )


async def test_a_window_freezes_hides_alerts_and_reports(settings: SandboxSettings) -> None:
    async with open_sandbox(settings) as endpoints, open_slack_users(endpoints.slack) as people:
        await people.command("ana", PLAN, channel="deploys")
        card = await people.wait_for_message(
            lambda message: "Maintenance of development" in message.visible_text and "running" in message.visible_text,
            PATIENCE,
            channel="deploys",
        )
        await _reply(people, card, "It has begun.")
        hidden = await _reply(people, card, "Alerts are hidden until")
        assert 'alertname=~"HighErrorRate|RedisDown", service="deep-echo-main"' in hidden.visible_text
        await people.command("ana", "restart development deep-echo-main --reason try", channel="deploys")
        await people.wait_for_ephemeral(user_id("ana"), "is frozen for maintenance")
        await people.press("ana", card, "End")
        await _reply(people, card, "silence lifted")
        await _reply(people, card, "Report: RDS minor upgrade took")
