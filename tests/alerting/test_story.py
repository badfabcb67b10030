"""The whole story, with real Prometheus and Alertmanager: a bad version, its alert, its suspect, the way back, the end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.endpoints import Endpoints
from sandbox.platform import SandboxSettings, open_sandbox
from sandbox.slack.client import SlackUsers, open_slack_users
from sandbox.slack.message_views import MessageView
from tests.harness.ports import free_ports

CRITICAL = "alerts-critical"
PATIENCE = 90.0


@pytest.fixture
def settings(tmp_path: Path) -> SandboxSettings:
    return SandboxSettings(port=free_ports(), folder=tmp_path, fast=True)


async def test_from_a_bad_deploy_to_a_card_that_is_resolved_in_place(settings: SandboxSettings) -> None:
    async with open_sandbox(settings) as endpoints, open_slack_users(endpoints.slack) as people:
        await _ship(people, "deploy production main-bad5eed main --reason try", "production")

        card = await _card(people, lambda words: "HighErrorRate" in words and "Suspect" in words)
        assert "P1 firing" in card.visible_text
        assert "deploy main-bad5eed" in card.visible_text
        assert endpoints.people["deployer"] in card.visible_text
        assert "same Deployment" in (await _reply(people, card, "What changed before it")).visible_text
        assert "limit 10" in (await _reply(people, card, "now ")).visible_text
        assert [file["name"] for file in (await _picture(people, card)).files] == [_chart_of(card)]

        await people.press("ana", card, "Roll back")
        await _approved(people, CRITICAL)
        resolved = await _card(people, lambda words: "HighErrorRate" in words and "Resolved after" in words)

        assert resolved.ts == card.ts
        assert len([each for each in await people.messages(CRITICAL) if "HighErrorRate · production" in each.visible_text]) == 1
        await _reply(people, card, "Resolved after")
        await _says_what_ran(people, endpoints)


async def _ship(people: SlackUsers, command: str, channel: str) -> None:
    await people.command("ana", command, channel=channel)
    await _approved(people, channel)


async def _approved(people: SlackUsers, channel: str) -> None:
    card = await people.wait_for_message(lambda message: "Approve" in message.buttons, PATIENCE, channel=channel)
    await people.press("mia", card, "Approve")
    await people.wait_for_message(lambda message: "Verified: all" in message.visible_text, PATIENCE, channel=channel)


async def _card(people: SlackUsers, is_so: Callable[[str], bool]) -> MessageView:
    return await people.wait_for_message(
        lambda message: not message.is_reply and is_so(message.visible_text), PATIENCE, channel=CRITICAL
    )


async def _reply(people: SlackUsers, card: MessageView, start: str) -> MessageView:
    return await people.wait_for_message(
        lambda message: message.thread_ts == card.ts and start in message.visible_text, PATIENCE, channel=CRITICAL
    )


async def _picture(people: SlackUsers, card: MessageView) -> MessageView:
    return await people.wait_for_message(
        lambda message: message.thread_ts == card.ts and bool(message.files), PATIENCE, channel=CRITICAL
    )


def _chart_of(card: MessageView) -> str:
    name = str((card.metadata or {})["event_payload"]["key"]).removesuffix("/card")
    return f"{name}-t-chart-1.png"


async def _says_what_ran(people: SlackUsers, endpoints: Endpoints) -> None:
    """The rollback that was opened from the card is an operation like any other."""
    await people.command("ivo", "status production main", channel="production")
    answer = await people.wait_for_ephemeral(endpoints.people["viewer"], "main-9f00d12")
    assert "3/3 ready" in answer.visible_text
