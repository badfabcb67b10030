"""Dashboards in the whole process: a person types, Grafana has the deploy, and without Grafana nothing is late."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import yaml
from pydantic import SecretStr

from bot.components.core import RuntimeOptions
from bot.components.dashboards import check_grafana
from bot.core.catalogue_file import CatalogueFile
from bot.core.grafana_settings import GrafanaSettings
from bot.core.settings import Settings
from bot.wiring import Bot, run_bot
from sandbox.grafana import StandInGrafana
from sandbox.grafana.model import Trouble
from sandbox.slack.client import SlackUsers
from storage.annotations import ANNOTATE
from tests.harness.bot import NO_RATE_LIMITS, BotHarness
from tests.harness.wait import wait_until


@pytest.fixture
async def grafana(harness: BotHarness) -> AsyncIterator[StandInGrafana]:
    """Of every environment."""
    async with StandInGrafana() as opened:
        data = yaml.safe_load(harness.catalogue.read_text())
        for environment in data["environments"].values():
            environment["grafana"] = opened.url
        harness.catalogue.write_text(yaml.safe_dump(data))
        yield opened


def settings_of(harness: BotHarness, grafana: StandInGrafana) -> Settings:
    return harness.settings().model_copy(update={"grafana": GrafanaSettings(token=SecretStr(grafana.token))})


@asynccontextmanager
async def running(harness: BotHarness, grafana: StandInGrafana) -> AsyncIterator[Bot]:
    options = RuntimeOptions(clock=harness.clock, rate_limits=NO_RATE_LIMITS)
    async with run_bot(settings_of(harness, grafana), options) as bot:
        await harness.slack.client.wait_for_bot()
        yield bot


async def test_a_person_finds_a_dashboard_and_a_deploy_is_marked_on_it(harness: BotHarness, grafana: StandInGrafana) -> None:
    async with running(harness, grafana):
        people = harness.slack.client
        await people.command("ana", "dash staging main --last 3h")
        answer = await people.wait_for_ephemeral("ana", "Deep Echo: main")
        assert "environment staging" in answer.visible_text
        await people.command("ana", "deploy staging main-abc1234")
        await wait_until(lambda: _marks(grafana, "succeeded"), within=30)
        (mark,) = grafana.state.annotations.values()
        assert mark.time <= mark.time_end
        assert {"deepecho", "deploy", "environment:staging"} <= set(mark.tags)


async def test_a_panel_s_picture_comes_after_the_answer_in_a_direct_message(harness: BotHarness, grafana: StandInGrafana) -> None:
    grafana.state.has_renderer = True
    async with running(harness, grafana):
        people = harness.slack.client
        await people.command("ana", "dash staging main --panel p95")
        await people.wait_for_ephemeral("ana", "A picture follows in a direct message.")
        await wait_until(lambda: _was_called(people, "files.completeUploadExternal"))
        names = [call["args"]["filename"] for call in await people.api_calls() if call["method"] == "files.getUploadURLExternal"]
        assert [name.endswith(".png") for name in names] == [True]


async def _was_called(people: SlackUsers, method: str) -> bool:
    return any(call["method"] == method for call in await people.api_calls())


async def test_a_grafana_that_hangs_delays_no_deploy(harness: BotHarness, grafana: StandInGrafana) -> None:
    grafana.state.trouble = Trouble(delay_seconds=600)
    async with running(harness, grafana):
        people = harness.slack.client
        await people.command("ana", "deploy staging main-abc1234")
        await people.wait_for_message(lambda m: "Verified" in m.visible_text, channel="deploys")
    assert not grafana.state.annotations


async def test_what_happened_while_grafana_was_down_is_marked_after_a_restart(
    harness: BotHarness, grafana: StandInGrafana
) -> None:
    grafana.state.trouble = Trouble(status=502)
    async with running(harness, grafana) as bot:
        await harness.slack.client.command("ana", "deploy staging main-abc1234")
        await harness.slack.client.wait_for_message(lambda m: "Verified" in m.visible_text, channel="deploys")

        async def has_been_tried() -> bool:
            async with bot.core.store.read() as tx:
                return not any(timer.kind == ANNOTATE for timer in await tx.timers.due(harness.clock.now()))

        await wait_until(has_been_tried, within=30)
    grafana.state.trouble = Trouble()
    harness.clock.offset += timedelta(hours=1)
    async with running(harness, grafana):
        await wait_until(lambda: _marks(grafana, "succeeded"), within=30)
    assert len(grafana.state.annotations) == 1


def _marks(grafana: StandInGrafana, text: str) -> bool:
    return any(text in each.text for each in grafana.state.annotations.values())


async def test_the_check_says_what_each_grafana_answers(harness: BotHarness, grafana: StandInGrafana) -> None:
    settings, catalogue = settings_of(harness, grafana), CatalogueFile(harness.catalogue).current
    assert {each.detail async for each in check_grafana(settings, catalogue)} == {"answers, version 12.3.0"}
    grafana.state.trouble = Trouble(status=403)
    assert [each.ok async for each in check_grafana(settings, catalogue)] == [False] * 3
    grafana.state.trouble = Trouble()
    without = [each.detail async for each in check_grafana(harness.settings(), catalogue)]
    assert all("does not let the bot search" in each for each in without)
