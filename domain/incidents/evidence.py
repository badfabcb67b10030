"""What is recorded of an incident and around it, for catch-ups and post-mortems. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.alerts.alerts import AlertGroup, AlertNote
from domain.audit import AuditEntry
from domain.incidents.incident import Incident, Participant
from domain.incidents.timeline import EntryKind, TimelineEntry
from domain.operations.locks import LockRecord
from domain.operations.operation import OperationRecord
from domain.people import BOT, Person
from domain.rich_text import Sentence, Text, UserMention, parts_of, sentence

LEAD = timedelta(minutes=15)
"""How long before an incident its causes and first attempts are looked for."""
MAX_ALERT_LEAD = timedelta(hours=6)
"""An alert that fired for longer before the declaration was no sign of this incident alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvidence:
    """What is recorded of an incident, read at one instant.

    ``operations`` are its own and those of its environment since shortly before it began, the earliest first. ``acts`` are the
    audit entries of its environment in that time that belong to no operation and no incident. ``groups`` and ``charts`` are
    those of its alerts that are still stored. ``names`` are those of people who took part.
    """

    incident: Incident
    at: datetime
    entries: tuple[TimelineEntry, ...] = ()
    groups: tuple[AlertGroup, ...] = ()
    charts: tuple[AlertNote, ...] = ()
    operations: tuple[OperationRecord, ...] = ()
    locks: tuple[LockRecord, ...] = ()
    acts: tuple[AuditEntry, ...] = ()
    names: Mapping[Person, str] = field(default_factory=dict)

    def named(self, text: Text) -> Text:
        """The text with names in place of mentions, so that it notifies nobody wherever it is read."""
        return without_mentions(text, self.names)


def first_alert_at(incident: Incident, groups: Iterable[AlertGroup]) -> datetime | None:
    """When the first of its alerts began; None where no alert that is still stored led to the declaration."""
    declared_at = incident.declared.at
    starts = (group.began_at for group in groups if declared_at - MAX_ALERT_LEAD <= group.began_at <= declared_at)
    return min(starts, default=None)


def began_at(incident: Incident, groups: Iterable[AlertGroup]) -> datetime:
    """When the first of its alerts began, or the declaration, whichever is earlier."""
    return first_alert_at(incident, groups) or incident.declared.at


def names_of(incident: Incident, entries: Iterable[TimelineEntry]) -> dict[Person, str]:
    """The recorded names of everybody who took part."""
    marks = (incident.declared, incident.acknowledged, incident.mitigated, incident.resolved, incident.closed)
    people: list[Participant | None] = [mark.by for mark in marks if mark]
    people += [incident.commander, incident.comms, incident.scribe, *(entry.by for entry in entries)]
    people += [mark.by for task in incident.tasks for mark in (task.added, task.done) if mark]
    return {each.person: each.name for each in people if each is not None and each.name}


def nameless(evidence: IncidentEvidence) -> frozenset[Person]:
    """Everybody in the evidence whose name is not recorded."""
    people = people_in(entry.text for entry in evidence.entries) | {act.who for act in evidence.acts}
    for operation in evidence.operations:
        decided_by = operation.approval.decided_by if operation.approval else None
        people |= {operation.requested_by, *([decided_by] if decided_by else [])}
    suspected = {group.suspect.change.by for group in evidence.groups if group.suspect}
    return frozenset(filter(None, people | suspected | {lock.by for lock in evidence.locks})) - evidence.names.keys()


def people_in(texts: Iterable[Text]) -> frozenset[Person]:
    """Everybody whom these texts mention."""
    return frozenset(part.person for text in texts for part in parts_of(text) if isinstance(part, UserMention))


def without_mentions(text: Text, names: Mapping[Person, str]) -> Text:
    """The text with names in place of mentions; ``somebody`` where no name is recorded."""
    if not isinstance(text, Sentence):
        return text
    return sentence(*(_name(part.person, names) if isinstance(part, UserMention) else part for part in text.parts))


def name_of(person: Person, names: Mapping[Person, str]) -> str:
    """The recorded name; empty where none is known."""
    return "deepecho" if person == BOT else names.get(person, "")


def participant_name(participant: Participant, names: Mapping[Person, str]) -> str:
    """The name to show of who took part."""
    return participant.name or _name(participant.person, names)


def without_dropped(entries: Iterable[TimelineEntry]) -> tuple[TimelineEntry, ...]:
    """The timeline as people read it."""
    return tuple(entry for entry in entries if not entry.dropped)


def entry_text(entry: TimelineEntry, names: Mapping[Person, str]) -> Text:
    """An entry in words, without mentions. A message says who wrote it; other entries name people themselves."""
    text = without_mentions(entry.text, names)
    if entry.kind is EntryKind.MESSAGE and entry.by is not None:
        return sentence(f"{participant_name(entry.by, names)}: ", text)
    return text


def is_around(operation: OperationRecord, since: datetime, until: datetime) -> bool:
    """Whether the operation was requested, ran or waited within this time."""
    return operation.requested_at <= until and (operation.ended_at is None or operation.ended_at >= since)


def with_names(evidence: IncidentEvidence, names: Mapping[Person, str]) -> IncidentEvidence:
    """The evidence with further names; what the incident itself has recorded stays."""
    return replace(evidence, names={**names, **evidence.names})


def _name(person: Person, names: Mapping[Person, str]) -> str:
    return name_of(person, names) or "somebody"
