"""Post-mortems for people: a draft whenever somebody asks."""

from collections.abc import Callable
from dataclasses import dataclass

from domain.clock import Clock
from domain.incidents.evidence import IncidentEvidence, nameless, with_names
from domain.incidents.incident import Incident, IncidentState
from domain.incidents.postmortem_end import StoredDraft
from domain.people import Directory
from runbooks.incidents.names import lookup_names
from runbooks.incidents.postmortem_drafts import draft_note, put_charts, store_draft
from runbooks.incidents.service import IncidentRequest
from storage.incident_evidence import EvidenceReader
from storage.incident_messages import in_channel, private_note
from storage.postmortems import PostmortemRepository
from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemService:
    """Makes drafts and sends them."""

    store: Store
    clock: Clock
    directory: Directory
    notify_outbox: Callable[[], None]

    async def send(self, incident: Incident, request: IncidentRequest, *, to_channel: bool) -> None:
        """Send the draft to the incident's channel, or to whoever asks, privately.

        Of a closed incident the stored draft is sent where alerts or operations that it was made from are no longer stored.
        """
        at = self.clock.now()
        async with self.store.read() as tx:
            stored = await tx.of(PostmortemRepository).get(incident.id)
            evidence = await tx.of(EvidenceReader).read(incident, at, with_charts=True)
        evidence = with_names(evidence, await lookup_names(self.directory, nameless(evidence)))
        key = f"postmortem/{request.source}"
        async with self.store.write() as tx:
            if stored is not None and _is_final(stored, incident) and not _can_be_renewed(evidence):
                note = draft_note(incident, stored.text, stored.at, key)
            else:
                note = await store_draft(tx, evidence, key=key)
            message = in_channel(incident, note) if to_channel else private_note(note, request.by.person)
            if await tx.put_message(message, at):
                await put_charts(tx, evidence, message, at)
        self.notify_outbox()


def _is_final(stored: StoredDraft, incident: Incident) -> bool:
    """Whether the draft was made after the end."""
    return incident.state is IncidentState.CLOSED and incident.closed is not None and stored.at >= incident.closed.at


def _can_be_renewed(evidence: IncidentEvidence) -> bool:
    """Whether everything that a draft is made from is still stored."""
    stored_groups = {group.id for group in evidence.groups}
    stored_operations = {operation.id for operation in evidence.operations}
    has_groups = all(alert.group_id in stored_groups for alert in evidence.incident.alerts)
    return has_groups and all(each.operation_id in stored_operations for each in evidence.incident.operations)
