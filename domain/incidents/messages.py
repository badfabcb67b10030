"""Messages of the channel on the timeline: pinned or marked ones, followed when they are edited, deleted or unpinned. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from domain.incidents.changes import IncidentChange, change
from domain.incidents.channel_events import (
    ChannelChange,
    ChannelChanged,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
)
from domain.incidents.incident import Incident
from domain.incidents.timeline import EntryKind, TimelineEntry
from domain.rich_text import Text, sentence

UNREADABLE = "a message that could not be read"

_WORDS = {
    ChannelChange.ARCHIVED: "archived the channel",
    ChannelChange.UNARCHIVED: "brought the channel back",
    ChannelChange.RENAMED: "renamed the channel to #{}",
    ChannelChange.DELETED: "deleted the channel",
    ChannelChange.BOT_REMOVED: "removed deepecho from the channel",
    ChannelChange.BOT_ADDED: "let deepecho into the channel again",
    ChannelChange.MOVED: "moved the channel to another workspace",
}


def pin(record: Incident, event: MessagePinned, entries: Sequence[TimelineEntry]) -> IncidentChange | TimelineEntry | None:
    """Put a message on the timeline. A message that is on it already stays; one that was taken off comes back.

    ``entries`` are those about the message. Returns the changed entry, or a change with a new one.
    """
    known = _of_message(entries)
    if known is not None:
        return replace(known, dropped=False) if known.dropped else None
    text = event.text if event.text is not None else UNREADABLE
    author = event.author or event.by
    return change(record, EntryKind.MESSAGE, event.at, text, by=author, ref=event.ts, permalink=event.permalink, quiet=True)


def unpin(entries: Sequence[TimelineEntry]) -> TimelineEntry | None:
    """Take a message from the timeline; the entry itself stays. None if it is not there."""
    known = _of_message(entries)
    return replace(known, dropped=True) if known is not None and not known.dropped else None


def edit(event: MessageEdited, entries: Sequence[TimelineEntry]) -> TimelineEntry | None:
    """Show the new text of a message, marked as edited. None if it is not on the timeline, or says the same."""
    known = _of_message(entries)
    if known is None or known.text == event.text:
        return None
    return replace(known, text=event.text, edited_at=event.at)


def delete(event: MessageDeleted, entries: Sequence[TimelineEntry]) -> TimelineEntry | None:
    """Mark a message as deleted: the entry keeps its text. None if it is not on the timeline."""
    known = _of_message(entries)
    return replace(known, deleted_at=event.at) if known is not None and known.deleted_at is None else None


def channel_changed(record: Incident, event: ChannelChanged) -> IncidentChange:
    """Note what somebody did to the channel by hand."""
    what = _WORDS[event.change].format(event.value)
    who: Text = event.by.text if event.by else "Somebody"
    return change(record, EntryKind.NOTE, event.at, sentence(who, f" {what}."), by=event.by, quiet=True)


def _of_message(entries: Sequence[TimelineEntry]) -> TimelineEntry | None:
    return next((entry for entry in entries if entry.kind is EntryKind.MESSAGE), None)
