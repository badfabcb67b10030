"""What people did in an incident's channel: pins, marks, edits, members, and the channel itself.

``at`` is when it happened. Events may arrive twice and out of order; the worker drops those that a newer one has overtaken.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.incidents.incident import Participant
from domain.rich_text import Text


class ChannelChange(StrEnum):
    """What was done to a channel by hand."""

    ARCHIVED = "archived"
    UNARCHIVED = "unarchived"
    RENAMED = "renamed"
    DELETED = "deleted"
    BOT_REMOVED = "bot-removed"
    BOT_ADDED = "bot-added"
    MOVED = "moved"
    """The channel got another id: it is shared with another workspace now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePinned:
    """Somebody pinned a message or, with ``is_reaction``, marked it with 📌. ``author`` wrote it, ``by`` pinned it.

    ``text`` mentions nobody; it is None where it could not be read. ``permalink`` opens the message.
    """

    incident_id: str
    channel_id: str
    ts: str
    at: datetime
    by: Participant
    author: Participant | None = None
    text: Text | None = None
    permalink: str = ""
    is_reaction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUnpinned:
    """The message is neither pinned nor marked any more: ``by`` took away the last of both."""

    incident_id: str
    channel_id: str
    ts: str
    at: datetime
    by: Participant
    is_reaction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited:
    """Somebody edited their message, pinned or not. ``text`` is the new one and mentions nobody."""

    incident_id: str
    channel_id: str
    ts: str
    at: datetime
    by: Participant
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted:
    """A message was deleted, pinned or not."""

    incident_id: str
    channel_id: str
    ts: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined:
    """Somebody came into the channel. ``inviter`` is None if they came by themselves, and the bot if it invited them."""

    incident_id: str
    channel_id: str
    at: datetime
    by: Participant
    inviter: Participant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChanged:
    """Somebody changed the channel by hand. The incident's record has it already.

    ``value`` is the new name, or the new id; empty for other changes. ``by`` is None where Slack does not say who.
    """

    incident_id: str
    channel_id: str
    at: datetime
    change: ChannelChange
    by: Participant | None = None
    value: str = ""


ChannelEvent = MessagePinned | MessageUnpinned | MessageEdited | MessageDeleted | MemberJoined | ChannelChanged


def subject_of(event: ChannelEvent) -> str:
    """What an event is about. Of two events about the same, the newer one counts."""
    match event:
        case MessagePinned() | MessageUnpinned():
            # Each person has a mark of their own on a message, and a message is pinned once.
            return f"mark/{event.ts}/{event.by.person.user_id}" if event.is_reaction else f"pin/{event.ts}"
        case MessageEdited() | MessageDeleted():
            return f"text/{event.ts}"
        case MemberJoined():
            return f"member/{event.by.person.user_id}"
        case ChannelChanged(change=ChannelChange.RENAMED):
            return "name"
        case ChannelChanged(change=ChannelChange.ARCHIVED | ChannelChange.UNARCHIVED):
            return "archive"
        case ChannelChanged():
            return "channel"
