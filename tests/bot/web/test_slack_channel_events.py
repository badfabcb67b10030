"""Events of channels and shortcuts as Slack posts them: what is stored before it is acknowledged, and what it costs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event

from bot.slack.payloads import parse_inbound
from domain.inbound import InboundKind, InboundMessage
from domain.incidents.channel_events import MessagePinned
from runbooks.incidents.stored_events import load_event
from storage.incident_channels import IncidentChannelRepository
from tests.harness.slack_endpoint import SlackEndpointHarness, harness, migrated_file, sqlite_url

__all__ = ["harness", "migrated_file", "sqlite_url"]

MESSAGE = {"type": "message", "ts": "1.000002", "user": "U0LEE", "text": "<@U0ANA> checkout is down &amp; out\nsecond line"}
SHORTCUT = {
    "type": "message_action",
    "callback_id": "incident.declare",
    "trigger_id": "7.8.9",
    "user": {"id": "U0ANA"},
    "team": {"id": "T0HOME", "domain": "team"},
    "channel": {"id": "C0OPS"},
    "response_url": "https://hooks.slack.com/actions/1/2/3",
    "message": MESSAGE,
}


def mark(channel: str, key: str = "Ev1", reaction: str = "pushpin") -> bytes:
    item = {"type": "message", "channel": channel, "ts": "1.000002"}
    inner = {"type": "reaction_added", "user": "U0ANA", "reaction": reaction, "item": item, "event_ts": "1795440120.000100"}
    return encode(inner, key)


def encode(inner: dict[str, Any], key: str) -> bytes:
    payload = {"type": "event_callback", "team_id": "T0HOME", "api_app_id": "A0", "event_id": key, "event": inner}
    return json.dumps(payload).encode()


async def reserve(harness: SlackEndpointHarness, channel: str = "C0INC") -> None:
    async with harness.store.write() as tx:
        await tx.of(IncidentChannelRepository).reserve("incident-1", "inc-x4k2")
        await tx.of(IncidentChannelRepository).assign("incident-1", channel)


async def events(harness: SlackEndpointHarness) -> tuple[InboundMessage, ...]:
    async with harness.store.read() as tx:
        return await tx.inbox.channel_events(limit=100)


@contextmanager
def statements(harness: SlackEndpointHarness) -> Iterator[list[str]]:
    """Every statement that reaches the database through its engines."""
    seen: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement != "BEGIN":
            seen.append(statement)

    engines = [harness.store.engines.read.sync_engine, harness.store.engines.write.sync_engine]
    for engine in engines:
        sqlalchemy_event.listen(engine, "before_cursor_execute", record)
    yield seen
    for engine in engines:
        sqlalchemy_event.remove(engine, "before_cursor_execute", record)


async def test_an_event_of_an_incident_channel_is_on_the_disk_when_it_is_acknowledged(harness: SlackEndpointHarness) -> None:
    await reserve(harness)
    assert await harness.post("/slack/events", mark("C0INC")) == (200, "")
    (stored,) = await events(harness)
    assert (stored.key, stored.kind) == ("Ev1", InboundKind.CHANNEL_EVENT)
    event = load_event(stored.body)
    assert isinstance(event, MessagePinned)
    assert (event.incident_id, event.ts, event.is_reaction) == ("inc-x4k2", "1.000002", True)
    assert harness.woken == 1
    assert await harness.stored() == [], "nobody is answered for it"


async def test_a_repeated_delivery_is_stored_once(harness: SlackEndpointHarness) -> None:
    await reserve(harness)
    for _ in range(3):
        assert (await harness.post("/slack/events", mark("C0INC")))[0] == 200
    assert len(await events(harness)) == harness.woken == 1


async def test_events_of_other_channels_cost_one_read_at_most_and_store_nothing(harness: SlackEndpointHarness) -> None:
    await reserve(harness)
    said = {"type": "message", "channel": "C0INC", "user": "U0ANA", "text": "hello", "ts": "1.3"}
    cases = [
        (mark("C0ELSE"), 1),
        (encode({"type": "member_joined_channel", "user": "U0ANA", "channel": "C0ELSE"}, "Ev2"), 1),
        (encode({"type": "channel_archive", "user": "U0ANA", "channel": "C0ELSE"}, "Ev3"), 1),
        (mark("C0INC", reaction="thumbsup"), 0),
        (encode(said, "Ev4"), 0),
        (encode(said | {"channel": "C0ELSE"}, "Ev5"), 0),
        (encode({"type": "message", "subtype": "message_changed", "channel": "C0INC", "message": MESSAGE,
                 "previous_message": MESSAGE}, "Ev6"), 0),
    ]  # fmt: skip
    for body, reads in cases:
        with statements(harness) as seen:
            assert (await harness.post("/slack/events", body))[0] == 200
        assert len([each for each in seen if each.startswith("SELECT")]) == len(seen) == reads, body
    assert await events(harness) == ()


async def test_the_one_read_uses_an_index(harness: SlackEndpointHarness) -> None:
    with statements(harness) as seen:
        await harness.post("/slack/events", mark("C0ELSE"))
    async with harness.store.engines.read.connect() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {seen[0]}", ("C0ELSE",))).all()
    assert "USING INDEX ix_incident_channels_channel_id" in str(plan)


async def test_without_incidents_nothing_is_even_read(harness: SlackEndpointHarness) -> None:
    await reserve(harness)
    harness.has_incidents = False
    with statements(harness) as seen:
        assert (await harness.post("/slack/events", mark("C0INC")))[0] == 200
    assert seen == []
    assert await events(harness) == ()


@pytest.mark.parametrize("inner", [{"type": "pin_added", "user": "U0ANA", "channel_id": "C0INC"}, {"type": "channel_rename"}])
async def test_an_event_that_cannot_be_read_stores_nothing(harness: SlackEndpointHarness, inner: dict[str, Any]) -> None:
    await reserve(harness)
    status, _ = await harness.post("/slack/events", encode(inner, "Ev1"))
    assert status == (400 if "channel_id" in inner else 200)
    assert await events(harness) == ()


async def test_our_shortcut_is_stored_with_the_message_and_its_permalink(harness: SlackEndpointHarness) -> None:
    assert await harness.interact(SHORTCUT) == (200, "")
    (stored,) = await harness.stored()
    assert stored.kind is InboundKind.SHORTCUT
    interaction = parse_inbound(stored)
    assert (interaction.action, interaction.channel) == ("incident.declare", "C0OPS")
    assert interaction.text == "@U0ANA checkout is down & out\nsecond line"
    assert interaction.value == "https://team.slack.com/archives/C0OPS/p1000002"
    assert [each.key for each in harness.submitted] == ["7.8.9"]


async def test_a_shortcut_without_a_message_is_refused(harness: SlackEndpointHarness) -> None:
    assert (await harness.interact({**SHORTCUT, "message": {"text": "no ts"}}))[0] == 400
    assert (await harness.interact({**SHORTCUT, "user": {}}))[0] == 400
    assert await harness.stored() == []
