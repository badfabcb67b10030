"""Writes the change of an incident: record, timeline, cards, notes, audit entries, timer and page, in one transaction."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.incidents import IncidentsConfig, IncidentTimings
from domain.incidents.cards import IncidentCard
from domain.incidents.changes import IncidentChange, IncidentNote
from domain.incidents.clocks import next_due, upcoming
from domain.incidents.incident import Incident
from domain.incidents.timeline import TimelineEntry
from domain.rich_text import Text, sentence
from runbooks.incidents.timers import clock_key, clock_timer
from storage.incident_messages import announcement, channel_card, incident_note
from storage.incidents import IncidentRepository
from storage.store import Transaction

MAX_ENTRIES_SO_FAR = 15


@dataclass(frozen=True, slots=True)
class IncidentSaver:
    """Writes incidents. ``catalogue`` returns the one that holds now."""

    catalogue: Callable[[], Catalogue]

    @property
    def config(self) -> IncidentsConfig:
        """The section ``incidents``; its defaults where the catalogue has none any more, so that what is open goes on."""
        return self.catalogue().incidents or IncidentsConfig()

    @property
    def timings(self) -> IncidentTimings:
        """The clocks."""
        return self.config.timings

    async def add(self, tx: Transaction, change: IncidentChange, at: datetime, *, source: str | None = None) -> bool:
        """Insert a new incident and everything of it. False, and nothing is written, if its cause or source has one already."""
        if not await tx.of(IncidentRepository).add(change.record, source=source):
            return False
        tx.trail.add("incident declared", incident=change.record.id, severity=change.record.severity.value)
        await self._write(tx, change, at)
        return True

    async def save(self, tx: Transaction, changes: Iterable[IncidentChange], at: datetime) -> Incident | None:
        """Write changes of one incident that follow each other. Returns the last record; None without changes.

        The caller has locked its row. Notes and entries of all are written, the card once.
        """
        merged = _merged(tuple(changes))
        if merged is None:
            return None
        await tx.of(IncidentRepository).save(merged.record)
        tx.trail.add("incident saved", incident=merged.record.id, state=merged.record.state.value)
        await self._write(tx, merged, at)
        return merged.record

    async def show_channel(self, tx: Transaction, incident: Incident, at: datetime) -> None:
        """Post the card to the incident's channel, which was made just now, and what happened before it was there."""
        await self._put_cards(tx, incident, at, low_priority=False)
        entries = await tx.of(IncidentRepository).entries(incident.id)
        lines = tuple(map(_so_far_line, [entry for entry in entries if not entry.dropped][-MAX_ENTRIES_SO_FAR:]))
        note = IncidentNote(incident_id=incident.id, key="so-far", at=at, text="So far:", lines=lines)
        if lines and (message := incident_note(incident, note)) is not None:
            await tx.put_message(message, at)

    async def _write(self, tx: Transaction, change: IncidentChange, at: datetime) -> None:
        record = change.record
        await tx.of(IncidentRepository).add_entries(change.entries)
        await self.restart_timer(tx, record, at)
        await self._put_cards(tx, record, at, low_priority=change.low_priority)
        for note in change.notes:
            if (message := incident_note(record, note)) is not None:
                await tx.put_message(message, at)
        # The audit log's head is the one row that every writer locks, so it is locked as late as possible.
        for entry in change.audit_entries:
            await tx.audit.append(entry)

    async def restart_timer(self, tx: Transaction, record: Incident, at: datetime) -> None:
        """Set the timer to the earliest clock of the record; remove it where none runs."""
        due_at = next_due(record)
        if due_at is None:
            await tx.timers.remove(clock_key(record.id))
        else:
            await tx.timers.set(clock_timer(record.id, due_at), at)

    async def _put_cards(self, tx: Transaction, record: Incident, at: datetime, *, low_priority: bool) -> None:
        card = IncidentCard(incident=record, at=at, upcoming=upcoming(record, self.timings))
        if record.announcement_channel:
            await tx.put_message(announcement(card, low_priority=low_priority), at)
        if record.channel.is_usable:
            await tx.put_message(channel_card(card, low_priority=low_priority), at)


def _merged(changes: tuple[IncidentChange, ...]) -> IncidentChange | None:
    if not changes:
        return None
    return replace(
        changes[-1],
        entries=tuple(entry for change in changes for entry in change.entries),
        notes=tuple(note for change in changes for note in change.notes),
        audit_entries=tuple(entry for change in changes for entry in change.audit_entries),
        low_priority=all(change.low_priority for change in changes),
    )


def _so_far_line(entry: TimelineEntry) -> Text:
    return sentence(f"{entry.at:%H:%M} UTC ", entry.text)
