"""The catch-up: ten lines from recorded facts for whoever comes late to an incident. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.audit import AuditEntry
from domain.facts import Answer
from domain.incidents.catchup_state import state_text
from domain.incidents.clocks import UpcomingStep
from domain.incidents.evidence import IncidentEvidence, entry_text, name_of, participant_name, without_dropped
from domain.incidents.incident import Incident, IncidentRole, Participant
from domain.incidents.timeline import EntryKind, TimelineEntry
from domain.operations.operation import OperationRecord, State
from domain.operations.transitions import describe_plan
from domain.people import BOT
from domain.rich_text import Code, Text, Timestamp, join, sentence, shorten
from domain.severities import Severity
from domain.text import and_more, clip, format_duration

MAX_LINES = 10
RECENT = timedelta(minutes=15)
"""What counts as just now."""
MAX_ITEM_LENGTH = 140
"""Characters of one thing that happened: three lines on a phone."""
_MAX_NAMED = 2
_COVERED = frozenset({EntryKind.CLOCK, EntryKind.OPERATION, EntryKind.ROLE, EntryKind.TASK})
"""Entries that another line covers: reminders by what is due, operations by what was tried, roles and tasks by who does what."""
_ENDINGS = {State.FAILED: "failed", State.DRIFTED: "stopped", State.NEEDS_PERSON: "a person must decide"}
"""How an operation ended, where its outcome does not begin with that."""


@dataclass(frozen=True, slots=True)
class CatchupLine:
    """One line. ``label`` is empty where it goes on with the label before."""

    label: str
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Catchup(Answer):
    """What somebody has to know who comes late. It mentions nobody. ``at`` is when it was true."""

    incident_id: str
    title: str
    severity: Severity
    is_over: bool
    at: datetime
    lines: tuple[CatchupLine, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    at: datetime
    text: Text


def catchup_of(evidence: IncidentEvidence, steps: Sequence[UpcomingStep]) -> Catchup:
    """Sum up an incident in at most ``MAX_LINES`` lines. ``steps`` is what happens next if nobody does anything."""
    incident = evidence.incident
    before = [CatchupLine("State", state_text(evidence)), CatchupLine("Last word", _last_word(evidence)), *_alerts(incident)]
    after = [
        CatchupLine("Who", _who(evidence)),
        CatchupLine("Locked", _locked(evidence)),
        CatchupLine("If nobody acts", _upcoming(evidence, steps)),
    ]
    room = MAX_LINES - len(before) - len(after)
    recent, tried = _recent(evidence), _tried(evidence)
    recent_room = min(max(len(recent), 1), max(room - max(min(len(tried), room // 2), 1), 1))
    changes = _listed(f"Last {format_duration(RECENT)}", recent, recent_room, "nothing was recorded")
    attempts = _listed("Tried", tried, room - len(changes), "nothing that is recorded")
    return Catchup(
        incident_id=incident.id,
        title=incident.title,
        severity=incident.severity,
        is_over=not incident.state.is_ongoing,
        at=evidence.at,
        lines=(*before, *changes, *attempts, *after),
    )


def _last_word(evidence: IncidentEvidence) -> Text:
    update = evidence.incident.update
    if update is None:
        return "nobody has posted an update yet"
    ago = format_duration(evidence.at - update.mark.at)
    return f"{participant_name(update.mark.by, evidence.names)}, {ago} ago: {clip(update.text, 2 * MAX_ITEM_LENGTH)}"


def _alerts(incident: Incident) -> tuple[CatchupLine, ...]:
    alerts = incident.alerts
    if not alerts:
        return ()
    firing = [alert for alert in alerts if alert.firing]
    shown = (firing or list(alerts))[:_MAX_NAMED]
    more = and_more(len(firing or alerts) - len(shown))
    names = join(", ", (sentence(clip(alert.title, 60), " (", Code(alert.group_id), ")") for alert in shown))
    count = _count(len(firing), len(alerts))
    suspects = tuple(dict.fromkeys(alert.suspect for alert in alerts if alert.suspect))
    suspect = f"; suspect: {clip(suspects[0], MAX_ITEM_LENGTH)}" if suspects else ""
    return (CatchupLine("Alerts", sentence(count, names, f" {more}" if more else "", suspect)),)


def _count(firing: int, total: int) -> str:
    if not firing:
        return "has ended: " if total == 1 else f"all {total} have ended: "
    return "fires: " if total == 1 else f"{firing} of {total} fire: "


def _who(evidence: IncidentEvidence) -> Text:
    incident = evidence.incident
    roles = [f"{role.value} {_holder(incident.holder(role), evidence)}" for role in IncidentRole]
    tasks = [f"{len(incident.open_tasks)} open tasks" if len(incident.open_tasks) > 1 else "1 open task"]
    return " · ".join([*roles, *(tasks if incident.open_tasks else [])])


def _holder(holder: Participant | None, evidence: IncidentEvidence) -> str:
    return participant_name(holder, evidence.names) if holder else "nobody"


def _recent(evidence: IncidentEvidence) -> list[_Item]:
    """What changed just now, the newest first."""
    since = evidence.at - RECENT
    entries = [entry for entry in without_dropped(evidence.entries) if entry.at >= since and _is_remarkable(entry, evidence)]
    items = [_Item(entry.at, entry_text(entry, evidence.names)) for entry in entries]
    items += [_Item(act.at, _act_text(act, evidence)) for act in evidence.acts if act.at >= since]
    return sorted(items, key=lambda item: item.at, reverse=True)


def _is_remarkable(entry: TimelineEntry, evidence: IncidentEvidence) -> bool:
    """Whether no other line says it already."""
    incident = evidence.incident
    is_last_word = entry.kind is EntryKind.UPDATE and incident.update is not None and entry.at == incident.update.mark.at
    is_present_state = entry.kind is EntryKind.STATE and entry.at == incident.state_since
    return entry.kind not in _COVERED and not is_last_word and not is_present_state


def _act_text(act: AuditEntry, evidence: IncidentEvidence) -> Text:
    who = name_of(act.who, evidence.names)
    where = act.where.rpartition("/")[2] or act.where
    return f"{act.what} {where}{f' by {who}' if who else ''}{f': {act.why}' if act.why else ''}"


def _tried(evidence: IncidentEvidence) -> list[_Item]:
    """Operations, the newest first: what was done and how it ended."""
    operations = sorted(evidence.operations, key=lambda operation: operation.requested_at, reverse=True)
    return [_Item(operation.requested_at, _operation_text(operation, evidence)) for operation in operations]


def _operation_text(operation: OperationRecord, evidence: IncidentEvidence) -> Text:
    who = "" if operation.requested_by == BOT else name_of(operation.requested_by, evidence.names)
    name = sentence(describe_plan(operation.plan), " (", Code(operation.id), f"{f', {who}' if who else ''}): ")
    return sentence(name, operation_state(operation, evidence))


def operation_state(operation: OperationRecord, evidence: IncidentEvidence) -> Text:
    """How the operation ended, or how far it is, without a full stop."""
    if operation.state is State.WAITING:
        return "waits for an approval" if operation.approval is not None else "is about to start"
    if operation.state is State.RUNNING:
        return "still runs"
    word = _ENDINGS.get(operation.state, "")
    if not operation.outcome:
        return word or operation.state.value
    return sentence(f"{word}: " if word else "", evidence.named(operation.outcome))


def _listed(label: str, items: Sequence[_Item], max_lines: int, none: str) -> list[CatchupLine]:
    if not items:
        return [CatchupLine(label, none)]
    shown = items[:max_lines]
    lines = [sentence(Timestamp(item.at, time_only=True), " ", shorten(item.text, MAX_ITEM_LENGTH)) for item in shown]
    if more := and_more(len(items) - len(shown)):
        lines[-1] = sentence(lines[-1], f" · {more}")
    return [CatchupLine("" if number else label, text) for number, text in enumerate(lines)]


def _locked(evidence: IncidentEvidence) -> Text:
    parts: list[Text] = []
    for lock in evidence.locks:
        who = name_of(lock.by, evidence.names)
        if lock.operation:
            parts.append(sentence(f"{lock.service} by ", Code(lock.operation)))
        else:
            until: tuple[Text | Timestamp, ...] = (", until ", Timestamp(lock.until)) if lock.until else ()
            reason = f": {clip(lock.reason, 80)}" if lock.reason else ""
            parts.append(sentence(f"{lock.environment} is frozen{f' by {who}' if who else ''}", *until, reason))
    parts += _silences(evidence)
    if not parts:
        return "nothing is locked, frozen or silenced"
    return join("; ", _first(parts, 3))


def _silences(evidence: IncidentEvidence) -> Iterable[Text]:
    for group in evidence.groups:
        if group.silence is not None:
            yield sentence(f"{clip(group.title, 60)} is silenced until ", Timestamp(group.silence.until))


def _upcoming(evidence: IncidentEvidence, steps: Sequence[UpcomingStep]) -> Text:
    incident = evidence.incident
    if incident.merged_into:
        return sentence("it goes on as ", Code(incident.merged_into))
    if not steps:
        return "nothing happens by itself" if incident.is_open else "nothing is due any more"
    planned = (sentence(Timestamp(step.at, time_only=True), " ", evidence.named(step.text)) for step in steps)
    return join(" · ", planned)


def _first(parts: Sequence[Text], count: int) -> Sequence[Text]:
    more = and_more(len(parts) - count)
    return [*parts[:count], more] if more else parts
