"""Slack's events about messages, members and channels, as events of an incident's channel."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.slack.message_text import message_text
from bot.slack.messages import MARK, author_of
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

Json = Mapping[str, Any]

_CHANGES = {
    "channel_archive": ChannelChange.ARCHIVED,
    "group_archive": ChannelChange.ARCHIVED,
    "channel_unarchive": ChannelChange.UNARCHIVED,
    "group_unarchive": ChannelChange.UNARCHIVED,
    "channel_rename": ChannelChange.RENAMED,
    "group_rename": ChannelChange.RENAMED,
    "channel_deleted": ChannelChange.DELETED,
    "group_deleted": ChannelChange.DELETED,
    "channel_left": ChannelChange.BOT_REMOVED,
    "group_left": ChannelChange.BOT_REMOVED,
    "channel_id_changed": ChannelChange.MOVED,
}
"""By the type of the event. Private channels have events of their own."""

CHANNEL_EVENTS = ("pin_added", "pin_removed", "reaction_added", "reaction_removed", "member_joined_channel", *_CHANGES)
"""Types of events that this module reads, but for messages."""
MESSAGE_SUBTYPES = ("message_changed", "message_deleted")


def channel_of(event: Json) -> str:
    """The id of the channel that an event is about, if it can be of use; else empty. No I/O: most events end here."""
    kind = event.get("type")
    if kind in {"reaction_added", "reaction_removed"}:
        item = event.get("item") or {}
        return str(item.get("channel") or "") if event.get("reaction") == MARK and item.get("type") == "message" else ""
    if kind == "message" and not _is_worth_telling(event):
        return ""
    if kind == "channel_id_changed":
        return str(event.get("old_channel_id") or "")
    channel = event.get("channel_id") or event.get("channel")
    return str(channel.get("id") or "") if isinstance(channel, dict) else str(channel or "")


def read_event(payload: Json, incident_id: str) -> ChannelEvent | None:
    """The event in a payload; None for what the bot itself did. Raises ``InvalidPayload``."""
    try:
        return _read(_EventReader(payload, incident_id))
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidPayload("the event is not one that Slack documents") from error


class _EventReader:
    """One payload, with what every event of it has."""

    def __init__(self, payload: Json, incident_id: str) -> None:
        self.event: Json = payload["event"]
        self.team_id = str(payload.get("team_id") or "")
        authorizations = payload.get("authorizations") or [{}]
        self.bot_user = str(authorizations[0].get("user_id") or "")
        self.app_id = str(payload.get("api_app_id") or "")
        moment = float(self.event.get("event_ts") or payload.get("event_time") or 0)
        at = datetime.fromtimestamp(moment, UTC)
        self.common: Any = {"incident_id": incident_id, "channel_id": channel_of(self.event), "at": at}

    def participant(self, user: object) -> Participant:
        """A person by their id; the bot under its own name."""
        user_id = str(user or "")
        is_bot = user_id == self.bot_user and user_id != ""
        return BOT_PARTICIPANT if is_bot else Participant(Person(user_id, self.team_id))

    @property
    def by(self) -> Participant | None:
        """Who did it; None where Slack does not say."""
        user = self.event.get("user") or self.event.get("actor_id")
        return self.participant(user) if user else None


def _read(reader: _EventReader) -> ChannelEvent | None:
    kind = str(reader.event["type"])
    if kind == "message":
        return _read_message(reader)
    if kind == "member_joined_channel":
        return _read_member(reader)
    if kind in _CHANGES:
        return _read_change(reader, _CHANGES[kind])
    if reader.by is None or reader.by.is_bot:
        return None  # the bot pins its card
    ts = _ts_of_item(reader.event)
    is_reaction = kind.startswith("reaction")
    if kind.endswith("_removed"):
        return MessageUnpinned(**reader.common, ts=ts, by=reader.by, is_reaction=is_reaction)
    message: Json = (reader.event.get("item") or {}).get("message") or {}
    return MessagePinned(
        **reader.common,
        ts=ts,
        by=reader.by,
        author=author_of(message, reader.team_id) or (reader.participant(author) if (author := _item_user(reader)) else None),
        text=message_text(message, reader.team_id) if message else None,
        permalink=str(message.get("permalink") or ""),
        is_reaction=is_reaction,
    )


def _item_user(reader: _EventReader) -> str:
    """Who wrote the message that was marked; empty for messages of apps."""
    return str(reader.event.get("item_user") or "")


def _ts_of_item(event: Json) -> str:
    item = event["item"]
    return str(item["ts"] if "ts" in item else item["message"]["ts"])


def _read_message(reader: _EventReader) -> ChannelEvent | None:
    event = reader.event
    if event.get("subtype") == "message_deleted":
        return MessageDeleted(**reader.common, ts=str(event["deleted_ts"]))
    message: Json = event["message"]
    if message.get("subtype") == "tombstone":
        # A deleted message whose thread has replies stays, as a stone with their number.
        return MessageDeleted(**reader.common, ts=str(message["ts"]))
    app_id = message.get("app_id") or (message.get("bot_profile") or {}).get("app_id")
    if message.get("user") == reader.bot_user or (app_id and app_id == reader.app_id):
        return None  # the bot edits its cards all the time
    author = (message.get("edited") or {}).get("user") or message.get("user") or message.get("bot_id")
    text = message_text(message, reader.team_id)
    return MessageEdited(**reader.common, ts=str(message["ts"]), by=reader.participant(author), text=text)


def _is_worth_telling(event: Json) -> bool:
    """Whether a message was deleted, or its text is another now: links that unfold and new replies are changes to Slack, too."""
    if event.get("subtype") not in MESSAGE_SUBTYPES:
        return False
    message, before = event.get("message") or {}, event.get("previous_message") or {}
    return event["subtype"] == "message_deleted" or any(
        message.get(part) != before.get(part) for part in ("text", "subtype", "attachments")
    )


def _read_member(reader: _EventReader) -> ChannelEvent | None:
    if reader.by is None:
        return None
    if reader.by.is_bot:
        return ChannelChanged(**reader.common, change=ChannelChange.BOT_ADDED)
    inviter = reader.event.get("inviter")
    return MemberJoined(**reader.common, by=reader.by, inviter=reader.participant(inviter) if inviter else None)


def _read_change(reader: _EventReader, change: ChannelChange) -> ChannelEvent | None:
    if reader.by is not None and reader.by.is_bot:
        return None  # what the bot does is recorded where it does it
    value = ""
    if change is ChannelChange.RENAMED:
        value = str(reader.event["channel"]["name"])
    elif change is ChannelChange.MOVED:
        value = str(reader.event["new_channel_id"])
    return ChannelChanged(**reader.common, change=change, by=reader.by, value=value)
