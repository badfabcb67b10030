"""Facts that go into the outbox and are rendered when they are sent. Versioned: a row outlives the process that wrote it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.sentences import Text


class Tone(StrEnum):
    """How a line is meant; views show it with a sign and words, never with colour alone."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationNote:
    """A reply in an operation's thread. ``lines`` are details; ``log`` are lines of a program, shown as they are."""

    operation_id: str
    key: str
    """Unique in the thread, so that a replay says nothing twice."""
    at: datetime
    text: Text
    tone: Tone = Tone.PLAIN
    lines: tuple[Text, ...] = ()
    log: tuple[str, ...] = ()
    audit_number: int = 0
    """The number of the audit record that keeps this event; 0 where it keeps none."""
