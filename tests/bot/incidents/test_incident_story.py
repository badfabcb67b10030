"""The life of an incident as people in Slack see it."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.wiring import Bot
from domain.alerts.alerts import Route
from domain.alerts.group_changes import GroupChange
from domain.incidents.timeline import EntryKind
from domain.severities import Severity
from runbooks.incidents.service import IncidentService
from sandbox.slack.client import SlackUsers
from storage.group_saves import GroupSave
from tests.harness.bot import BotHarness, open_bot_harness
from tests.harness.samples.alerts import group
from tests.harness.wait import wait_until

ROUTE = Route(rule="warning", channel="C0WARNING5", severity=Severity.P2)
CHANNEL_NAME = re.compile(r"incident-\d{4}-\d\d-\d\d-\d\d-\d\d")


@pytest.fixture
async def harness(tmp_path: Path, migrated_file: Path) -> AsyncIterator[BotHarness]:
    """A bot whose catalogue has incidents."""
    async with open_bot_harness(tmp_path, migrated_file) as opened:
        data = yaml.safe_load(opened.catalogue.read_text())
        opened.catalogue.write_text(yaml.safe_dump(data | {"incidents": {"channel": "C0OPS00008"}}))
        yield opened
        assert opened.slack.gateway.problems == []


async def declare(people: SlackUsers, bot: Bot, text: str = "P1 checkout is failing --environment production") -> tuple[str, str]:
    """Tom declares it: the incident's id and the name of its channel, once the card is pinned there."""
    await people.command("tom", f"incident declare {text}", channel="ops")
    answer = await people.wait_for_ephemeral("tom", "inc-")
    incident_id = re.findall(r"inc-[a-z0-9]+", answer.visible_text)[0]
    service = bot.service(IncidentService)
    await wait_until(lambda: _pinned(service, incident_id))
    channel = (await service.find(incident_id)).channel
    assert CHANNEL_NAME.fullmatch(channel.name)
    return incident_id, channel.id


async def _pinned(service: IncidentService, incident_id: str) -> bool:
    return bool((await service.find(incident_id)).channel.pinned)


async def calls(people: SlackUsers, method: str) -> list[dict[str, Any]]:
    return [call["args"] for call in await people.api_calls() if call["method"] == method]


async def test_declared_worked_on_watched_and_closed(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        incident_id, channel = await declare(people, bot)
        assert (await calls(people, "conversations.invite"))[0]["users"] == "U0TOM00007"
        card = await people.wait_for_message(lambda m: "Acknowledge" in m.buttons, channel=channel)
        assert "checkout is failing" in card.visible_text
        await people.click("ana", card, "incident.acknowledge", incident_id)
        await people.wait_for_message(lambda m: "ana acknowledged this." in m.visible_text, channel=channel)
        await people.wait_for_message(lambda m: "commander ana" in m.visible_text, channel=channel)
        await people.command("ana", "incident update errors fall, the rollback is through", channel=channel)
        await people.wait_for_message(lambda m: "ana: errors fall" in m.visible_text, channel=channel)
        await people.command("ana", "incident resolve rolled back to main-abc1234", channel=channel)
        await people.wait_for_message(
            lambda m: "Resolved after" in m.visible_text and "watched" in m.visible_text, channel=channel
        )
        harness.clock.offset += timedelta(minutes=31)
        await people.wait_for_message(lambda m: "The watch is over" in m.visible_text, channel=channel)
        incident = await bot.service(IncidentService).find(incident_id)
        if incident.is_open:
            await people.command("ana", "incident close", channel=channel)
        await wait_until(lambda: _is_closed(bot, incident_id))
        after = await people.wait_for_message(lambda m: "🏁" in m.visible_text, channel=channel)
        assert "<@" not in after.visible_text


async def _is_closed(bot: Bot, incident_id: str) -> bool:
    return not (await bot.service(IncidentService).find(incident_id)).is_open


async def test_a_form_asks_for_what_is_missing(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.command("tom", "incident declare", channel="ops")
        view = await people.wait_for_modal("tom", lambda each: "What is wrong" in json.dumps(each.raw))
        assert "Severity" in json.dumps(view.raw)


async def test_elsewhere_the_last_incidents_are_offered_with_buttons(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        incident_id, _ = await declare(people, bot)
        await people.command("ana", "incident update it is the cache", channel="general")
        offered = await people.wait_for_ephemeral("ana", "Which incident?")
        assert incident_id in offered.visible_text
        await people.click("ana", offered, "incident.choose", f"incident update {incident_id} it is the cache")
        await people.wait_for_ephemeral("ana", f"The update is in {incident_id}")


async def test_two_people_who_declare_within_a_minute_are_asked_whether_it_is_one(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        incident_id, _ = await declare(people, bot)
        await people.command("ana", "incident declare P0 nobody can pay --environment production", channel="ops")
        asked = await people.wait_for_ephemeral("ana", "Is it the same?")
        assert incident_id in asked.visible_text
        assert len(await bot.service(IncidentService).latest(10)) == 1
        await people.click("ana", asked, "incident.choose", 'incident declare P0 "nobody can pay" --environment production --new')
        await people.wait_for_ephemeral("ana", "Its channel is being made")
        assert len(await bot.service(IncidentService).latest(10)) == 2


async def test_a_security_incident_is_private_and_shown_to_nobody_else(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await declare(people, bot, "P1 keys leaked --security")
        assert (await calls(people, "conversations.create"))[0]["is_private"] in (True, "true", "1")
        await people.command("ana", "incident list", channel="ops")
        assert "none" in (await people.wait_for_ephemeral("ana", "Incidents")).visible_text
        assert not [m for m in await people.messages("ops") if "keys leaked" in m.visible_text]
        await people.command("ruth", "incident list", channel="ops")
        assert "keys leaked" in (await people.wait_for_ephemeral("ruth", "Incidents")).visible_text


async def test_after_a_restart_the_clocks_go_on(harness: BotHarness) -> None:
    people = harness.slack.client
    async with harness.run_bot() as bot:
        _, channel = await declare(people, bot)
    harness.clock.offset += timedelta(minutes=16)
    async with harness.run_bot():
        await people.wait_for_message(lambda m: "Nobody has acknowledged this for 16 min" in m.visible_text, channel=channel)


async def test_pinned_and_marked_messages_are_on_the_timeline_once(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        incident_id, channel = await declare(people, bot)
        await people.say("ana", "the cache is full", channel=channel)
        said = await people.wait_for_message(lambda m: m.visible_text == "the cache is full", channel=channel)
        await people.pin("tom", said)
        await people.react("ana", said, "pushpin")
        await wait_until(lambda: _has_message(bot, incident_id))
        entries = await bot.service(IncidentService).entries(incident_id)
        pinned = [entry for entry in entries if entry.kind is EntryKind.MESSAGE]
        assert [(entry.text, entry.by.name if entry.by else "") for entry in pinned] == [("the cache is full", "ana")]
        assert pinned[0].permalink


async def _has_message(bot: Bot, incident_id: str) -> bool:
    entries = await bot.service(IncidentService).entries(incident_id)
    return any(entry.kind is EntryKind.MESSAGE for entry in entries)


async def test_a_severe_alert_can_be_made_an_incident_with_one_tap(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        async with bot.core.store.write() as tx:
            await tx.save_groups(
                [GroupSave(change=GroupChange(record=group(can_declare=True, route=ROUTE)))], harness.clock.now()
            )
        card = await people.wait_for_message(lambda m: "Open incident" in m.buttons)
        await people.press("tom", card, "Open incident")
        await people.wait_for_ephemeral("tom", "Its channel is being made")
        await people.wait_for_message(lambda m: "part of `inc-" in m.visible_text and "Open incident" not in m.buttons)
