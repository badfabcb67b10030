"""What people do in an incident's channel, on its timeline: the handler of ``channel_events``."""

from dataclasses import dataclass
from datetime import datetime

from domain.incidents import messages
from domain.incidents.changes import IncidentChange
from domain.incidents.channel_events import (
    ChannelChanged,
    ChannelEvent,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageUnpinned,
)
from domain.incidents.incident import Incident
from domain.incidents.timeline import TimelineEntry
from runbooks.incidents.saving import IncidentSaver
from runbooks.incidents.timers import welcome_timer
from storage.incidents import IncidentRepository
from storage.store import Transaction


@dataclass(frozen=True, slots=True)
class MessageEvents:
    """Applies events of channels to timelines."""

    saver: IncidentSaver

    async def handle(self, tx: Transaction, event: ChannelEvent, at: datetime) -> None:
        """Apply one event. Of an incident that is gone, nothing is kept."""
        incidents = tx.of(IncidentRepository)
        incident = await incidents.get_for_update(event.incident_id)
        if incident is None:
            return
        if isinstance(event, MemberJoined):
            # A timer of its own: whether it is a guest has to be asked for, and not within a transaction.
            await tx.timers.set(welcome_timer(incident.id, event.by.person, at), at)
            return
        if isinstance(event, ChannelChanged):
            await self.saver.save(tx, [messages.channel_changed(incident, event)], at)
            return
        result = _changed(incident, event, await incidents.entries_about(incident.id, event.ts))
        if isinstance(result, TimelineEntry):
            await incidents.save_entry(result)
        elif result is not None:
            await self.saver.save(tx, [result], at)


def _changed(
    incident: Incident,
    event: MessagePinned | MessageUnpinned | MessageEdited | MessageDeleted,
    entries: tuple[TimelineEntry, ...],
) -> IncidentChange | TimelineEntry | None:
    match event:
        case MessagePinned():
            return messages.pin(incident, event, entries)
        case MessageUnpinned():
            return messages.unpin(entries)
        case MessageEdited():
            return messages.edit(event, entries)
        case MessageDeleted():
            return messages.delete(event, entries)
