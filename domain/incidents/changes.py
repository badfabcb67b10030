"""The result of a transition: the record, its timeline entries, messages, audit entries, and what to page."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.audit import AuditEntry, new_entry
from domain.incidents.incident import Incident, Participant
from domain.incidents.timeline import EntryKind, TimelineEntry
from domain.notes import Tone
from domain.rich_text import Text, plain_text


class Offer(StrEnum):
    """An action that a message offers as a button."""

    ACKNOWLEDGE = "acknowledge"
    STILL_HERE = "still-here"
    TAKE_COMMAND = "take-command"
    TAKE_PAGER = "take-pager"
    UPDATE = "update"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    POSTMORTEM = "postmortem"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentNote:
    """A message in the incident's channel. ``calls`` are people whom it notifies; ``text`` mentions nobody."""

    incident_id: str
    key: str
    """Unique in the incident, so that a replay sends nothing twice."""
    at: datetime
    text: Text
    tone: Tone = Tone.PLAIN
    lines: tuple[Text, ...] = ()
    calls: tuple[Participant, ...] = ()
    offers: tuple[Offer, ...] = ()
    team: str = ""
    """The team whose pager the message offers to take; empty where there is none to take."""
    file_name: str = ""
    file_text: str = ""
    """A text file that is posted with it, such as a post-mortem; empty without one."""


class PageTarget(StrEnum):
    """Whom a page calls first."""

    POLICY = "policy"
    """Whom the policy of the severity names."""
    LEAD = "lead"
    """The lead of the team."""


@dataclass(frozen=True, slots=True)
class PageOrder:
    """A page that the change asks for. ``kind`` is unique in the incident: the same order twice is one page."""

    kind: str
    target: PageTarget
    reason: str


def page_of_severity(record: Incident) -> PageOrder:
    """The page of an incident that has become worse: a new one each time, also where it was as bad before."""
    kind = f"severity-{record.severity}-{record.entry_count + 1}"
    return PageOrder(kind, PageTarget.POLICY, f"now {record.severity}: {record.title}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChange:
    """What is written together, or not at all."""

    record: Incident
    entries: tuple[TimelineEntry, ...] = ()
    notes: tuple[IncidentNote, ...] = ()
    audit_entries: tuple[AuditEntry, ...] = ()
    page: PageOrder | None = None
    stop_paging: str = ""
    """Why paging ends, in words; empty if it goes on."""
    acknowledged_by: Participant | None = None
    """Who took it on: its pages are acknowledged."""
    low_priority: bool = False


def change(
    record: Incident,
    kind: EntryKind,
    at: datetime,
    text: Text,
    *,
    by: Participant | None = None,
    ref: str = "",
    permalink: str = "",
    quiet: bool = False,
    told: Text = "",
    tone: Tone = Tone.PLAIN,
    lines: tuple[Text, ...] = (),
    calls: tuple[Participant, ...] = (),
    offers: tuple[Offer, ...] = (),
    audit: str = "",
    why: str = "",
    page: PageOrder | None = None,
    stop_paging: str = "",
    acknowledged_by: Participant | None = None,
) -> IncidentChange:
    """A change with one timeline entry and, unless ``quiet``, one message in the channel.

    ``told`` is the message, where that is not ``text``. ``audit`` is the audited action; empty for what need not be audited.
    """
    number = record.entry_count + 1
    after = replace(record, entry_count=number)
    entry = TimelineEntry(incident_id=record.id, number=number, kind=kind, at=at, text=text, by=by, ref=ref, permalink=permalink)
    note = IncidentNote(
        incident_id=record.id,
        key=str(number),
        at=at,
        text=told or text,
        tone=tone,
        lines=lines,
        calls=calls,
        offers=offers,
        team=record.team,
    )
    return IncidentChange(
        record=after,
        entries=(entry,),
        notes=() if quiet else (note,),
        audit_entries=(audit_entry(after, audit, at, by, text, why),) if audit and by is not None else (),
        page=page,
        stop_paging=stop_paging,
        acknowledged_by=acknowledged_by,
    )


def audit_entry(record: Incident, what: str, at: datetime, by: Participant, outcome: Text, why: str = "") -> AuditEntry:
    """The audit entry of the incident's newest timeline entry, which alone has the words of a security incident."""
    return new_entry(
        key=f"{record.id}/{record.entry_count}",
        at=at,
        who=by.person,
        what=what,
        environment=record.environment,
        services=record.services,
        subject=record.id,
        why="" if record.security else why,
        outcome=f"see the timeline of {record.id}" if record.security else plain_text(outcome),
    )
