"""The timeline of an incident: entries that states, alerts, operations, pages, pins and people add."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.incidents.incident import Participant
from domain.rich_text import Text


class EntryKind(StrEnum):
    """What an entry is about."""

    STATE = "state"
    ALERT = "alert"
    OPERATION = "operation"
    PAGE = "page"
    UPDATE = "update"
    ROLE = "role"
    TASK = "task"
    CLOCK = "clock"
    MESSAGE = "message"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One entry. ``number`` counts from 1 within the incident. ``by`` is None where nobody did it."""

    incident_id: str
    number: int
    kind: EntryKind
    at: datetime
    text: Text
    by: Participant | None = None
    permalink: str = ""
    ref: str = ""
    """What it is about: the ts of a message, the id of an operation or alert group; empty otherwise."""
    edited_at: datetime | None = None
    """When the message was edited last: ``text`` is the new text."""
    deleted_at: datetime | None = None
    """When the message was deleted. The entry stays."""
    dropped: bool = False
    """A person took it from the timeline; the row stays."""
