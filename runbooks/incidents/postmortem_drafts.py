"""Drafts of post-mortems: made from the evidence, stored, and posted to the incident's channel when it is closed."""

from dataclasses import replace
from datetime import datetime

from domain.alerts.alerts import AlertNote
from domain.incidents.changes import IncidentNote
from domain.incidents.evidence import IncidentEvidence
from domain.incidents.incident import Incident
from domain.incidents.postmortem import postmortem
from domain.rich_text import CommandMention, Text, sentence
from storage.incident_evidence import EvidenceReader
from storage.incident_messages import chart_reply, incident_note
from storage.outbox_messages import OutboxMessage
from storage.postmortems import PostmortemRepository
from storage.store import Transaction

MAX_CHARTS = 5
"""Pictures in the thread of one draft."""


async def post_draft(tx: Transaction, incident: Incident, at: datetime) -> None:
    """Store the draft of an incident that was closed just now, and post it. Tests and merged ones need none."""
    if incident.is_test or incident.merged_into:
        return
    evidence = await tx.of(EvidenceReader).read(incident, at, with_charts=True)
    note = await store_draft(tx, evidence, key=f"postmortem-{incident.reopened}")
    message = incident_note(incident, note)
    if message is not None and await tx.put_message(message, at) and not message.parent:
        await put_charts(tx, evidence, message, at)


async def store_draft(tx: Transaction, evidence: IncidentEvidence, *, key: str) -> IncidentNote:
    """Make and store a draft. Returns the note with the file."""
    draft = postmortem(evidence)
    await tx.of(PostmortemRepository).save(evidence.incident.id, draft, evidence.at)
    return draft_note(evidence.incident, draft, evidence.at, key)


def draft_note(incident: Incident, draft: str, at: datetime, key: str) -> IncidentNote:
    """The message that brings the file."""
    return IncidentNote(
        incident_id=incident.id,
        key=key,
        at=at,
        text=f"The draft of the post-mortem of {incident.id} is in this thread, as a Markdown file.",
        lines=_next_steps(incident),
        file_name=f"{incident.id}-post-mortem.md",
        file_text=draft,
    )


async def put_charts(tx: Transaction, evidence: IncidentEvidence, parent: OutboxMessage, at: datetime) -> None:
    """Put the charts of the alerts, as they were posted then, into the thread of a message."""
    titles = {group.id: group.title for group in evidence.groups}
    for chart in evidence.charts[:MAX_CHARTS]:
        await tx.put_message(chart_reply(_titled(chart, titles.get(chart.group_id, "")), parent), at)


def _titled(chart: AlertNote, title: str) -> AlertNote:
    """The chart's reply under the alert's name; its numbers follow it."""
    return replace(chart, text=f"{title} ({chart.group_id})")


def _next_steps(incident: Incident) -> tuple[Text, ...]:
    if incident.postmortem is not None:
        return (f"The finished one: {incident.postmortem.url}",)
    command = CommandMention(f"incident postmortem done {incident.id} https://…")
    return (sentence("What is to be answered is marked in it. When it is written: ", command),)
