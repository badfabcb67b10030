"""What Slack says about incident channels, and what of it is worth storing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.slack.channel_events import CHANNEL_EVENTS, channel_of, read_event
from bot.slack.payload_shapes import InvalidPayload
from domain.incidents.channel_events import (
    ChannelChange,
    ChannelChanged,
    ChannelEvent,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageUnpinned,
)
from domain.incidents.incident import BOT_PARTICIPANT, Participant
from domain.people import Person
from domain.rich_text import plain_text

AT = datetime(2026, 11, 23, 14, 2, 3, 500000, UTC)
COMMON: dict[str, Any] = {"incident_id": "inc-x4k2", "channel_id": "C0INC", "at": AT}
ANA, LEE = (Participant(Person(f"U0{name}", "T0")) for name in ("ANA", "LEE"))
MESSAGE = {
    "type": "message",
    "ts": "1.2",
    "user": "U0LEE",
    "text": "it is &lt;DNS&gt;",
    "permalink": "https://team.slack.com/p12",
}


def payload(event: dict[str, Any]) -> dict[str, Any]:
    stamped = {"event_ts": f"{AT.timestamp():.6f}"} | event
    bot = [{"user_id": "U0BOT", "is_bot": True}]
    return {"team_id": "T0", "api_app_id": "A0", "event_id": "Ev1", "authorizations": bot, "event": stamped}


def read(**event: Any) -> ChannelEvent | None:
    assert channel_of(event) == "C0INC"
    return read_event(payload(event), "inc-x4k2")


def pin(kind: str, user: str = "U0ANA") -> ChannelEvent | None:
    return read(type=kind, user=user, channel_id="C0INC", item={"type": "message", "channel": "C0INC", "message": MESSAGE})


def reaction(kind: str, **more: Any) -> dict[str, Any]:
    item = {"type": "message", "channel": "C0INC", "ts": "1.2"}
    return {"type": kind, "user": "U0ANA", "reaction": "pushpin", "item": item, "item_user": "U0LEE"} | more


def changed(message: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    changes = {"message": message, "previous_message": before}
    return {"type": "message", "subtype": "message_changed", "channel": "C0INC", "ts": "9.9", **changes}


def test_a_pin_brings_its_text_and_a_reaction_does_not() -> None:
    pinned = pin("pin_added")
    assert pinned == MessagePinned(
        **COMMON, ts="1.2", by=ANA, author=LEE, text="it is <DNS>", permalink="https://team.slack.com/p12"
    )
    marked = read(**reaction("reaction_added"))
    assert marked == MessagePinned(**COMMON, ts="1.2", by=ANA, author=LEE, text=None, is_reaction=True)
    assert pin("pin_removed") == MessageUnpinned(**COMMON, ts="1.2", by=ANA)
    assert read(**reaction("reaction_removed")) == MessageUnpinned(**COMMON, ts="1.2", by=ANA, is_reaction=True)


def test_what_the_bot_pins_is_no_event() -> None:
    assert pin("pin_added", user="U0BOT") is None


def test_an_edit_has_the_new_text_and_a_deletion_its_message() -> None:
    edited = MESSAGE | {"text": "it was <@U0KIM>", "edited": {"user": "U0LEE", "ts": "3.4"}}
    event = read(**changed(edited, MESSAGE))
    assert isinstance(event, MessageEdited)
    assert (event.ts, event.by, plain_text(event.text)) == ("1.2", LEE, "it was @U0KIM")
    deletion = {"type": "message", "subtype": "message_deleted", "channel": "C0INC", "deleted_ts": "1.2"}
    assert read(**deletion) == MessageDeleted(**COMMON, ts="1.2")


def test_a_deleted_message_with_replies_is_a_deletion_too() -> None:
    stone = {"type": "message", "subtype": "tombstone", "ts": "1.2", "user": "USLACKBOT", "text": "This message was deleted."}
    assert read(**changed(stone, MESSAGE)) == MessageDeleted(**COMMON, ts="1.2")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message", "channel": "C0INC", "user": "U0ANA", "text": "hello", "ts": "1.3"},
        {"type": "message", "subtype": "bot_message", "channel": "C0INC", "text": "hello", "ts": "1.3"},
        {"type": "message", "subtype": "channel_join", "channel": "C0INC", "user": "U0ANA", "ts": "1.3"},
        changed(MESSAGE | {"reply_count": 1}, MESSAGE),
        changed(MESSAGE | {"blocks": [{"type": "rich_text"}]}, MESSAGE),
        reaction("reaction_added", reaction="thumbsup"),
        reaction("reaction_added", item={"type": "file", "file": "F0"}),
        {"type": "app_mention", "user": "U0ANA", "text": "hello"},
    ],
)
def test_what_nobody_needs_is_not_even_looked_up(event: dict[str, Any]) -> None:
    assert channel_of(event) == ""


@pytest.mark.parametrize(
    "own",
    [{"user": "U0BOT"}, {"app_id": "A0"}, {"bot_id": "B0", "bot_profile": {"app_id": "A0"}}],
    ids=["user", "app", "profile"],
)
def test_the_bot_s_own_cards_change_all_the_time_and_are_no_events(own: dict[str, Any]) -> None:
    before = {"type": "message", "ts": "1.2", "text": "card", **own}
    assert read(**changed(before | {"text": "newer card"}, before)) is None


def test_alerts_of_other_apps_are_attachments_and_screenshots_are_files() -> None:
    alert = {"ts": "1.2", "bot_id": "B0GRAF", "username": "Grafana", "text": "", "attachments": [{"fallback": "[FIRING] disk"}]}
    item = {"type": "message", "channel": "C0INC", "message": alert}
    event = read(type="pin_added", user="U0ANA", channel_id="C0INC", item=item)
    assert isinstance(event, MessagePinned)
    assert (event.text, event.author) == ("[FIRING] disk", Participant(Person("B0GRAF", "T0"), "Grafana"))
    alert["attachments"], alert["files"] = [], [{"id": "F0", "title": "graph.png"}]
    event = read(type="pin_added", user="U0ANA", channel_id="C0INC", item=item)
    assert isinstance(event, MessagePinned)
    assert event.text == "file graph.png"


def test_who_comes_in_and_who_asked_them() -> None:
    joined = {"type": "member_joined_channel", "user": "U0ANA", "channel": "C0INC", "channel_type": "C", "team": "T0"}
    assert read(**joined) == MemberJoined(**COMMON, by=ANA)
    assert read(**joined, inviter="U0BOT") == MemberJoined(**COMMON, by=ANA, inviter=BOT_PARTICIPANT)
    assert read(**joined | {"user": "U0BOT"}) == ChannelChanged(**COMMON, change=ChannelChange.BOT_ADDED)


@pytest.mark.parametrize("kind", ["channel", "group"])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("archive", ChannelChange.ARCHIVED),
        ("unarchive", ChannelChange.UNARCHIVED),
        ("deleted", ChannelChange.DELETED),
        ("left", ChannelChange.BOT_REMOVED),
    ],
)
def test_a_channel_may_be_changed_by_hand_also_a_private_one(kind: str, name: str, change: ChannelChange) -> None:
    event = read(type=f"{kind}_{name}", channel="C0INC", user="U0ANA")
    assert event == ChannelChanged(**COMMON, change=change, by=ANA)
    assert read(type=f"{kind}_{name}", channel="C0INC", user="U0BOT") is None


def test_a_renamed_channel_and_one_with_another_id() -> None:
    renamed = read(type="channel_rename", channel={"id": "C0INC", "name": "war-room"})
    assert renamed == ChannelChanged(**COMMON, change=ChannelChange.RENAMED, value="war-room")
    moved = read(type="channel_id_changed", old_channel_id="C0INC", new_channel_id="C0NEW")
    assert moved == ChannelChanged(**COMMON, change=ChannelChange.MOVED, value="C0NEW")


NEEDS_MORE = {
    "message",
    "pin_added",
    "pin_removed",
    "reaction_added",
    "reaction_removed",
    "channel_rename",
    "group_rename",
    "channel_id_changed",
}


@pytest.mark.parametrize("kind", sorted(NEEDS_MORE))
def test_an_event_without_what_slack_documents_is_refused(kind: str) -> None:
    broken = payload({"type": kind, "subtype": "message_changed", "user": "U0ANA", "channel": "C0INC"})
    with pytest.raises(InvalidPayload):
        read_event(broken, "inc-x4k2")


@pytest.mark.parametrize("kind", sorted({*CHANNEL_EVENTS} - NEEDS_MORE))
def test_all_others_need_no_more_than_their_channel(kind: str) -> None:
    event = read(type=kind, user="U0ANA", channel="C0INC")
    assert event is not None
    assert event.at == AT
