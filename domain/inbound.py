"""Inbound messages: payloads of Slack and Alertmanager, as they are stored before they are acknowledged."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class InboundKind(StrEnum):
    """The shapes of payloads: six of Slack, and Alertmanager's notification."""

    COMMAND = "command"
    ACTION = "action"
    VIEW = "view"
    EVENT = "event"
    SHORTCUT = "shortcut"
    CHANNEL_EVENT = "channel-event"
    ALERT = "alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """One payload. ``key`` identifies the delivery, so that a repeated delivery is recognised."""

    key: str
    kind: InboundKind
    body: str
    """The payload as JSON."""
    received_at: datetime
    source: str = ""
    """Of a notification: the name of its source in the webhook's path or in the catalogue; empty for the unnamed one."""
