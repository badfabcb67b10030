"""The timeline for people: read, with a file where it is long, and entries that are dropped."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.audit import new_entry
from domain.clock import Clock
from domain.errors import NotFound
from domain.incidents.changes import IncidentNote
from domain.incidents.evidence import names_of, people_in
from domain.incidents.incident import Incident
from domain.incidents.timeline import TimelineEntry
from domain.incidents.timeline_edits import drop_entry
from domain.incidents.timeline_report import IncidentTimeline, timeline_of, timeline_text
from domain.people import Directory, Member
from domain.rich_text import CommandMention, plain_text, sentence
from runbooks.incidents.names import lookup_names
from runbooks.incidents.service import IncidentRequest
from storage.incident_links import IncidentLinks
from storage.incident_messages import private_note
from storage.incidents import IncidentRepository
from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineService:
    """Reads timelines and drops entries."""

    store: Store
    clock: Clock
    directory: Directory
    notify_outbox: Callable[[], None]

    async def read(self, incident: Incident, request: IncidentRequest) -> IncidentTimeline:
        """The timeline; a long one is also sent to whoever asks, as a file."""
        async with self.store.read() as tx:
            entries = await tx.of(IncidentRepository).entries(incident.id)
            links = await tx.of(IncidentLinks).of_entries(incident)
        people = people_in(entry.text for entry in entries) | {entry.by.person for entry in entries if entry.by}
        names = await lookup_names(self.directory, people - names_of(incident, entries).keys())
        timeline = timeline_of(incident, entries, links, names)
        if timeline.is_filed:
            await self._send_file(timeline, request)
        return timeline

    async def drop(self, request: IncidentRequest, number: int) -> TimelineEntry:
        """Take an entry from the timeline, under the incident's row lock. Raises ``NotFound`` or ``Refused``."""
        at = self.clock.now()
        async with self.store.write() as tx:
            incidents = tx.of(IncidentRepository)
            incident = await incidents.get_for_update(request.incident_id)
            entry = await incidents.entry(request.incident_id, number)
            if incident is None or entry is None:
                hint = CommandMention(f"incident timeline {request.incident_id}")
                raise NotFound(sentence(f"{request.incident_id} has no entry {number}. ", hint, " shows them."))
            await incidents.save_entry(drop_entry(entry))
            await tx.inbox.mark_answered(request.source, at, incident.id)
            audited = new_entry(
                key=f"{incident.id}/drop/{number}",
                at=at,
                who=request.by.person,
                what="incident timeline drop",
                environment=incident.environment,
                services=incident.services,
                subject=incident.id,
                outcome=f"entry {number} dropped" + ("" if incident.security else f": {plain_text(entry.text)}"),
            )
            await tx.audit.append(audited)
        return replace(entry, dropped=True)

    async def _send_file(self, timeline: IncidentTimeline, request: IncidentRequest) -> None:
        at, zone = self.clock.now(), zone_of(request.by)
        note = IncidentNote(
            incident_id=timeline.incident_id,
            key=f"timeline/{request.source}",
            at=at,
            text=f"The timeline of {timeline.incident_id}, {len(timeline.entries)} entries.",
            file_name=f"{timeline.incident_id}-timeline.txt",
            file_text=timeline_text(timeline, zone),
        )
        async with self.store.write() as tx:
            await tx.put_message(private_note(note, request.by.person), at)
        self.notify_outbox()


def zone_of(member: Member) -> tzinfo:
    """The person's own time zone, as Slack names it; UTC where this machine does not know it."""
    try:
        return ZoneInfo(member.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
