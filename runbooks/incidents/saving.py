"""Writes the change of an incident: record, timeline, cards, notes, audit entries, timer and page, in one transaction."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.incidents import IncidentsConfig, IncidentTimings
from domain.incidents.cards import IncidentCard
from domain.incidents.changes import IncidentChange, IncidentNote
from domain.incidents.channel_problems import problems
from domain.incidents.clocks import UpcomingStep, next_due, upcoming
from domain.incidents.incident import Incident, Participant
from domain.incidents.paging import apply_page_notes, page_request, upcoming_calls, with_page_line
from domain.incidents.timeline import TimelineEntry
from domain.paging.pages import Acknowledgement, PageNote
from domain.rich_text import Text, sentence
from runbooks.incidents.channel_setup import wake_channel_setup
from runbooks.incidents.pager_offer import pager_offer
from runbooks.incidents.postmortem_drafts import post_draft
from runbooks.incidents.timers import clock_key, clock_timer
from storage.incident_messages import announcement, channel_card, incident_note
from storage.incidents import IncidentRepository
from storage.pages import PageRepository
from storage.store import Transaction

MAX_ENTRIES_SO_FAR = 15
MAX_UPCOMING = 3


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

    @property
    def _is_paging(self) -> bool:
        return self.catalogue().paging is not None

    async def add(self, tx: Transaction, change: IncidentChange, at: datetime, *, source: str | None = None) -> bool:
        """Insert a new incident and everything of it. False, and nothing is written, if its cause or source has one already."""
        if not await self.reserve(tx, change.record, source=source):
            return False
        await self._page(tx, change, at)
        await self._write(tx, with_page_line(change, is_paging=self._is_paging), at)
        return True

    async def reserve(self, tx: Transaction, record: Incident, *, source: str | None = None) -> bool:
        """Insert the record alone: ``save`` writes everything of it once all incidents are locked. False as for ``add``.

        Who locks an incident after having written an audit entry can deadlock with whoever has locked that incident.
        """
        if not await tx.of(IncidentRepository).add(record, source=source):
            return False
        tx.trail.add("incident declared", incident=record.id, severity=record.severity.value)
        return True

    async def save(self, tx: Transaction, changes: Iterable[IncidentChange], at: datetime) -> Incident | None:
        """Write changes of one incident that follow each other. Returns the last record; None without changes.

        The caller has locked its row. Notes and entries of all are written, the card once.
        """
        applied: list[IncidentChange] = []
        page_notes: list[PageNote] = []
        for change in changes:
            applied.append(with_page_line(change, is_paging=self._is_paging))
            page_notes += await self._page(tx, change, at)
        if applied:
            applied += apply_page_notes(applied[-1].record, page_notes)
        merged = _merged(tuple(applied))
        if merged is None:
            return None
        await tx.of(IncidentRepository).save(merged.record)
        tx.trail.add("incident saved", incident=merged.record.id, state=merged.record.state.value)
        await self._write(tx, merged, at)
        return merged.record

    async def save_channel(self, tx: Transaction, before: Incident, after: Incident, at: datetime) -> None:
        """Write a record of which only the channel has changed; cards only where they show that."""
        await tx.of(IncidentRepository).save(after)
        await wake_channel_setup(tx, after.id, at)
        shown = (before.channel.is_usable, before.channel.id, problems(before.channel))
        if shown != (after.channel.is_usable, after.channel.id, problems(after.channel)):
            await self._put_cards(tx, after, at, low_priority=False)

    async def tell_so_far(self, tx: Transaction, incident: Incident, at: datetime) -> None:
        """Tell the channel what happened before it was there: once, when its card is in it."""
        entries = await tx.of(IncidentRepository).entries(incident.id)
        lines = tuple(map(_so_far_line, [entry for entry in entries if not entry.dropped][-MAX_ENTRIES_SO_FAR:]))
        note = IncidentNote(incident_id=incident.id, key="so-far", at=at, text="So far:", lines=lines)
        if lines and (message := incident_note(incident, note)) is not None:
            await tx.put_message(message, at)

    async def _page(self, tx: Transaction, change: IncidentChange, at: datetime) -> tuple[PageNote, ...]:
        """Ask for the page of a change, or end those of the incident. Returns what is to be said of it."""
        record, pages, catalogue = change.record, tx.of(PageRepository), self.catalogue()
        if change.page is not None and self._is_paging:
            await pages.request(page_request(record, change.page, catalogue.team_of("")), at)
        if change.stop_paging:
            return await pages.stop(record.id, at, change.stop_paging)
        if change.acknowledged_by is not None:
            return await pages.acknowledge(record.id, _acknowledgement(change.acknowledged_by, at))
        return ()

    async def _write(self, tx: Transaction, change: IncidentChange, at: datetime) -> None:
        record = change.record
        await tx.of(IncidentRepository).add_entries(change.entries)
        await self.restart_timer(tx, record, at)
        await tx.tell_incident_saved(record, at)
        await self._put_cards(tx, record, at, low_priority=change.low_priority)
        if not record.is_test:
            await wake_channel_setup(tx, record.id, at)
        offer = await pager_offer(tx, record, self.catalogue(), at)
        for note in (*change.notes, *((offer,) if offer else ())):
            if (message := incident_note(record, note)) is not None:
                await tx.put_message(message, at)
        if record.closed is not None and record.closed.at == at:
            await post_draft(tx, record, at)
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

    async def upcoming(self, tx: Transaction, record: Incident) -> tuple[UpcomingStep, ...]:
        """What happens next if nobody does anything: clocks, and calls of pages."""
        calls = upcoming_calls(await tx.of(PageRepository).of_subject(record.id)) if record.is_open else ()
        return tuple(sorted((*upcoming(record, self.timings), *calls), key=lambda step: step.at)[:MAX_UPCOMING])

    async def _put_cards(self, tx: Transaction, record: Incident, at: datetime, *, low_priority: bool) -> None:
        card = IncidentCard(incident=record, at=at, upcoming=await self.upcoming(tx, record))
        if record.announcement_channel:
            await tx.put_message(announcement(card, low_priority=low_priority), at)
        if record.channel.is_usable:
            await tx.put_message(channel_card(card, low_priority=low_priority), at)


def _acknowledgement(by: Participant, at: datetime) -> Acknowledgement:
    return Acknowledgement(by=by.person, name=by.name or by.person.user_id, at=at, door="incident")


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
