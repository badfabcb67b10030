"""What arrives, as it is kept before it is acknowledged."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class InboundKind(StrEnum):
    """The shapes of payloads that become work: Slack's, and Alertmanager's."""

    COMMAND = "command"
    ACTION = "action"
    VIEW = "view"
    EVENT = "event"
    ALERT = "alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """One payload. ``key`` names the delivery, so that the same one arriving twice is recognised."""

    key: str
    kind: InboundKind
    body: str
    """The payload as JSON."""
    received_at: datetime
