"""What people do in an incident's channel, and how an incident is declared from a message, on a local Slack."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from bot.wiring import Bot
from domain.incidents.channel import IncidentChannel
from domain.incidents.timeline import TimelineEntry
from domain.rich_text import plain_text
from runbooks.incidents.service import IncidentService
from sandbox.slack.message_views import MessageView
from storage.incidents import IncidentRepository
from tests.bot.incidents.test_incident_story import declare
from tests.harness.bot import BotHarness, open_bot_harness
from tests.harness.wait import wait_until


@pytest.fixture
async def harness(tmp_path: Path, migrated_file: Path) -> AsyncIterator[BotHarness]:
    """A bot whose catalogue has incidents."""
    async with open_bot_harness(tmp_path, migrated_file) as opened:
        data = yaml.safe_load(opened.catalogue.read_text())
        opened.catalogue.write_text(yaml.safe_dump(data | {"incidents": {"channel": "C0OPS00008"}}))
        yield opened
        assert opened.slack.gateway.problems == []


async def entries(bot: Bot, incident_id: str, ts: str) -> tuple[TimelineEntry, ...]:
    async with bot.core.store.read() as tx:
        return await tx.of(IncidentRepository).entries_about(incident_id, ts)


async def channel_of(bot: Bot, incident_id: str) -> IncidentChannel:
    return (await bot.service(IncidentService).find(incident_id)).channel


async def said(harness: BotHarness, channel: str, text: str) -> MessageView:
    ts = await harness.slack.client.say("tom", text, channel=channel)
    return await harness.slack.client.wait_for_message(lambda each: each.ts == ts, channel=channel)


async def test_a_message_comes_onto_the_timeline_is_followed_and_stays_when_it_is_deleted(harness: BotHarness) -> None:
    people = harness.slack.client
    async with harness.run_bot() as bot:
        incident_id, channel = await declare(people, bot)
        message = await said(harness, channel, "the pool is empty")
        await people.react("mia", message, "pushpin")

        async def texts() -> list[str]:
            return [plain_text(each.text) for each in await entries(bot, incident_id, message.ts) if not each.dropped]

        async def is_on_it() -> bool:
            return any("the pool is empty" in text for text in await texts())

        await wait_until(is_on_it)
        (entry,) = await entries(bot, incident_id, message.ts)
        assert f"/archives/{channel}/p{message.ts.replace('.', '')}" in entry.permalink
        await people.pin("mia", message)
        await people.channels.edit("tom", message, "the pool of connections is empty")

        async def is_edited() -> bool:
            return any("the pool of connections" in text for text in await texts())

        await wait_until(is_edited)
        await people.channels.delete("tom", message)

        async def is_marked_deleted() -> bool:
            return any(each.deleted_at for each in await entries(bot, incident_id, message.ts))

        await wait_until(is_marked_deleted)
        assert await is_edited(), "the text stays"


async def test_what_people_do_to_the_channel_is_noticed(harness: BotHarness) -> None:
    people = harness.slack.client
    async with harness.run_bot() as bot:
        incident_id, channel = await declare(people, bot)
        await people.channels.rename("tom", channel, "checkout-war-room")
        await people.channels.archive("tom", channel)

        async def is_back() -> bool:
            known = await channel_of(bot, incident_id)
            return known.was_unarchived and known.is_usable and known.name == "checkout-war-room"

        await wait_until(is_back)
        rooms = {room.id: room for room in harness.slack.gateway.hub.channels.all()}
        assert not rooms[channel].archived
        await people.channels.remove_bot("tom", channel)

        async def is_gone() -> bool:
            return (await channel_of(bot, incident_id)).is_gone

        await wait_until(is_gone)


async def test_the_form_opens_from_a_message_and_nothing_is_declared_before_it_is_sent(harness: BotHarness) -> None:
    people = harness.slack.client
    async with harness.run_bot() as bot:
        ts = await people.say("tom", "checkout is down since two", channel="ops")
        message = await people.wait_for_message(lambda each: each.ts == ts, channel="ops")
        await people.channels.shortcut("tom", message, "incident.declare")
        view = await people.wait_for_modal("tom", lambda each: "checkout is down since two" in json.dumps(each.raw))
        assert f"/p{ts.replace('.', '')}" in json.dumps(view.raw)
        async with bot.core.store.read() as tx:
            assert await tx.of(IncidentRepository).latest(10) == ()
        await people.submit("tom", severity="P2")
        answer = await people.wait_for_ephemeral("tom", "inc-")
        assert "inc-" in answer.visible_text
        async with bot.core.store.read() as tx:
            (incident,) = await tx.of(IncidentRepository).latest(10)
        assert incident.title == "checkout is down since two"


async def test_a_shortcut_that_comes_too_late_says_what_to_send_and_declares_nothing(harness: BotHarness) -> None:
    people = harness.slack.client
    async with harness.run_bot() as bot:
        ts = await people.say("tom", "checkout is down", channel="ops")
        message = await people.wait_for_message(lambda each: each.ts == ts, channel="ops")
        await people.faults.refuse("views.open", "expired_trigger_id")
        await people.channels.shortcut("tom", message, "incident.declare")
        answer = await people.wait_for_ephemeral("tom", "did not open the form")
        assert 'incident declare "checkout is down"' in answer.visible_text
        async with bot.core.store.read() as tx:
            assert await tx.of(IncidentRepository).latest(10) == ()
