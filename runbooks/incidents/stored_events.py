"""Events of incident channels as they are stored in the inbox, before Slack is acknowledged."""

import json
from collections.abc import Callable
from datetime import datetime

from domain.clock import Clock
from domain.inbound import InboundKind, InboundMessage
from domain.incidents.channel_events import (
    ChannelChanged,
    ChannelEvent,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageUnpinned,
)
from storage.inbox import InboxWriter
from storage.incident_channels import IncidentChannelRepository
from storage.outbox_messages import type_adapter
from storage.store import Store

_TYPES = {
    each.__name__: each for each in (MessagePinned, MessageUnpinned, MessageEdited, MessageDeleted, MemberJoined, ChannelChanged)
}


class ChannelEventIntake:
    """Stores events of incident channels. ``wake`` tells who applies them."""

    def __init__(
        self, store: Store, writer: InboxWriter, clock: Clock, *, is_enabled: Callable[[], bool], wake: Callable[[], None]
    ) -> None:
        self._store, self._writer, self._clock = store, writer, clock
        self._is_enabled, self._wake = is_enabled, wake

    async def incident_of(self, channel_id: str) -> str:
        """The id of the channel's incident; empty for any other channel. One read of an index, or none without incidents.

        Raises ``TemporaryError`` if the database does not answer.
        """
        if not self._is_enabled():
            return ""
        async with self._store.read() as tx:
            return await tx.of(IncidentChannelRepository).incident_of(channel_id)

    async def accept(self, event: ChannelEvent, key: str) -> None:
        """Return once the event is committed; one that came before is not stored again. Raises ``TemporaryError``."""
        if await self._writer.put(inbound_event(event, key, self._clock.now())):
            self._wake()


def inbound_event(event: ChannelEvent, key: str, at: datetime) -> InboundMessage:
    """The inbox message of an event. ``key`` identifies the delivery."""
    fields = type_adapter(type(event)).dump_python(event, mode="json")
    body = json.dumps({"type": type(event).__name__, "event": fields}, separators=(",", ":"))
    return InboundMessage(key=key, kind=InboundKind.CHANNEL_EVENT, body=body, received_at=at)


def load_event(body: str) -> ChannelEvent:
    """The event of an inbox message."""
    stored = json.loads(body)
    event: ChannelEvent = type_adapter(_TYPES[stored["type"]]).validate_python(stored["event"])
    return event
