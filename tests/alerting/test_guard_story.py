"""The deploy guard in the sandbox, with a real Prometheus: it puts back, offers, and says what it cannot tell."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.prometheus import open_prometheus
from sandbox.endpoints import Endpoints
from sandbox.platform import SandboxSettings, open_sandbox
from sandbox.slack.client import SlackUsers, open_slack_users
from sandbox.slack.message_views import MessageView
from tests.harness.ports import free_ports

PATIENCE = 150.0
"""The bake time of the sandbox with its deploys before and its rollback after."""

ENOUGH_REQUESTS = 150
"""More than the sandbox's guard needs of a time before."""


@pytest.fixture
def settings(tmp_path: Path) -> SandboxSettings:
    return SandboxSettings(port=free_ports(), folder=tmp_path, fast=True)


async def test_bad_versions_are_found_and_what_cannot_be_told_is_said(settings: SandboxSettings) -> None:
    async with open_sandbox(settings) as endpoints, open_slack_users(endpoints.slack) as people:
        await _wait_for_traffic(endpoints)
        await asyncio.gather(
            _staging_puts_it_back(people),
            _production_offers_it(people),
            _without_traffic_it_cannot_tell(people),
            _a_rollback_ends_it(people, endpoints),
        )
        await people.command("ivo", "guard", channel="deploys")
        listed = await people.wait_for_ephemeral(endpoints.people["viewer"], "Worse")
        for said in (
            "*Worse*: deploy main-bad5eed in staging",
            "*No longer watched*: deploy main-bad5eed in production",
            "*Cannot tell*: deploy",
        ):
            assert said in listed.visible_text


async def _staging_puts_it_back(people: SlackUsers) -> None:
    await people.command("ana", "deploy staging main-bad5eed main", channel="staging")
    card = await _guard_card(people, "staging", "main-bad5eed", lambda text: "The guard put it back" in text)
    assert "🔴 *Worse*" in card.visible_text
    assert "errors of deep-echo-main" in card.visible_text
    assert "hour before" in card.visible_text
    assert card.buttons == ()
    rollback = await people.wait_for_message(
        lambda message: "did worse: errors of deep-echo-main" in message.visible_text and "Verified: all" in message.visible_text,
        PATIENCE,
        channel="staging",
    )
    assert not rollback.is_reply
    await people.wait_for_message(
        lambda message: message.thread_ts == card.thread_ts and bool(message.files), PATIENCE, channel="staging"
    )


async def _production_offers_it(people: SlackUsers) -> None:
    await people.command("ana", "deploy production main-bad5eed main --reason try", channel="production")
    await _approve(people, "production", "main-bad5eed")
    card = await _guard_card(people, "production", "main-bad5eed", lambda text: "leaves it to people" in text)
    (button,) = card.buttons
    assert button.startswith("Put back main-")
    await people.press("ana", card, button)
    await _approve(people, "production", "did worse")


async def _without_traffic_it_cannot_tell(people: SlackUsers) -> None:
    await people.command("ana", "deploy development main-0ddba11 cognitive", channel="deploys")
    card = await _guard_card(people, "deploys", "main-0ddba11", lambda text: "*Cannot tell*" in text)
    assert "errors of deep-echo-cognitive: 0 requests, 100 are needed" in card.visible_text


async def _a_rollback_ends_it(people: SlackUsers, endpoints: Endpoints) -> None:
    await people.command("ana", "deploy development main-c0ffee1 main", channel="deploys")
    await _guard_card(people, "deploys", "main-c0ffee1", lambda text: "Watching" in text)
    await people.command("ana", "rollback development last main", channel="deploys")
    card = await _guard_card(people, "deploys", "main-c0ffee1", lambda text: "No longer watched" in text)
    assert endpoints.people["deployer"] in card.visible_text
    assert "asked for a rollback meanwhile" in card.visible_text


async def _wait_for_traffic(endpoints: Endpoints) -> None:
    """Until the hour before a deploy has enough requests to compare with, in both environments."""
    async with asyncio.timeout(PATIENCE), open_prometheus(endpoints.prometheus) as prometheus:
        for environment in ("staging", "production"):
            labels = f'environment="{environment}",service="deep-echo-main"'
            expression = f"sum(increase(flask_http_request_total{{{labels}}}[1h]))"
            while not any((each.value or 0) > ENOUGH_REQUESTS for each in await prometheus.query(expression, only={})):
                await asyncio.sleep(1)


async def _approve(people: SlackUsers, channel: str, words: str) -> None:
    card = await people.wait_for_message(
        lambda message: "Approve" in message.buttons and words in message.visible_text, PATIENCE, channel=channel
    )
    await people.press("mia", card, "Approve")


async def _guard_card(people: SlackUsers, channel: str, version: str, is_so: Callable[[str], bool]) -> MessageView:
    return await people.wait_for_message(
        lambda message: message.is_reply and version in message.visible_text and is_so(message.visible_text),
        PATIENCE,
        channel=channel,
    )
