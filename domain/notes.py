"""Replies in threads, as facts that are stored in the outbox and rendered when they are sent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.rich_text import Text


class Tone(StrEnum):
    """The tone of a reply. Views show it with an emoji and words, never with colour alone."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationNote:
    """A reply in an operation's thread. ``lines`` are details; ``log`` are lines of a program, shown verbatim."""

    operation_id: str
    key: str
    """Unique in the thread, so that a replay sends nothing twice."""
    at: datetime
    text: Text
    tone: Tone = Tone.PLAIN
    lines: tuple[Text, ...] = ()
    log: tuple[str, ...] = ()
    audit_number: int = 0
    """The number of the audit record of this event; 0 without one."""
