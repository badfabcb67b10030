"""Sections of a post-mortem about people: who did what, and what is left to do. Pure."""

from collections.abc import Iterator

from domain.incidents.evidence import IncidentEvidence, name_of, participant_name, without_dropped
from domain.incidents.incident import IncidentRole, Mark, Task
from domain.incidents.markdown import bullets, day_time, escape
from domain.incidents.timeline import EntryKind
from domain.operations.operation import Decision, OperationRecord
from domain.people import BOT
from domain.text import join_and

_KINDS = {
    EntryKind.UPDATE: ("1 update", "{} updates"),
    EntryKind.MESSAGE: ("1 message on the timeline", "{} messages on the timeline"),
    EntryKind.NOTE: ("1 note on the timeline", "{} notes on the timeline"),
}


def who_did_what(evidence: IncidentEvidence) -> str:
    """One line for each person, in the order in which they come up. Only recorded acts count."""
    acts: dict[str, list[str]] = {}
    for name, act in (*_roles(evidence), *_marks(evidence), *_operations(evidence), *_counted(evidence)):
        acts.setdefault(name, []).append(act)
    return bullets(f"{escape(name)}: {', '.join(dict.fromkeys(done))}" for name, done in acts.items()) or "Nobody is recorded."


def action_items(evidence: IncidentEvidence) -> str:
    """The tasks; the open ones first. Who added one is not taken for its owner."""
    tasks = sorted(evidence.incident.tasks, key=lambda task: (task.done is not None, task.number))
    if not tasks:
        return "No task is recorded.\n\n- [ ] **To answer:** What has to be done, by whom, until when?"
    return bullets(_task(task, evidence) for task in tasks)


def _task(task: Task, evidence: IncidentEvidence) -> str:
    added = f"added by {_name(task.added, evidence)}"
    if task.done is not None:
        return f"[x] {escape(task.text)} (done by {_name(task.done, evidence)} at {day_time(task.done.at)}, {added})"
    return f"[ ] {escape(task.text)} ({added}). **To answer:** owner, due date?"


def _name(mark: Mark, evidence: IncidentEvidence) -> str:
    return escape(participant_name(mark.by, evidence.names))


def _roles(evidence: IncidentEvidence) -> Iterator[tuple[str, str]]:
    for role in IncidentRole:
        if (holder := evidence.incident.holder(role)) is not None:
            yield participant_name(holder, evidence.names), role.value


def _marks(evidence: IncidentEvidence) -> Iterator[tuple[str, str]]:
    incident = evidence.incident
    marks = {
        "declared it": incident.declared,
        "acknowledged it": incident.acknowledged,
        "called it mitigated": incident.mitigated,
        "resolved it": incident.resolved,
        "closed it": incident.closed,
    }
    for act, mark in marks.items():
        if mark is not None and not mark.by.is_bot:
            yield participant_name(mark.by, evidence.names), act


def _operations(evidence: IncidentEvidence) -> Iterator[tuple[str, str]]:
    for operation in evidence.operations:
        if (asked := name_of(operation.requested_by, evidence.names)) and operation.requested_by != BOT:
            yield asked, f"asked for {operation.verb.value} {operation.id}"
        if decider := _decider(operation, evidence):
            yield decider


def _decider(operation: OperationRecord, evidence: IncidentEvidence) -> tuple[str, str] | None:
    approval = operation.approval
    if approval is None or approval.decided_by is None or approval.decision not in (Decision.APPROVED, Decision.REJECTED):
        return None
    name = name_of(approval.decided_by, evidence.names)
    return (name, f"{approval.decision.value} {operation.id}") if name else None


def _counted(evidence: IncidentEvidence) -> Iterator[tuple[str, str]]:
    counts: dict[tuple[str, EntryKind], int] = {}
    for entry in without_dropped(evidence.entries):
        if entry.by is not None and not entry.by.is_bot and entry.kind in _KINDS:
            key = participant_name(entry.by, evidence.names), entry.kind
            counts[key] = counts.get(key, 0) + 1
    for (name, kind), count in counts.items():
        one, many = _KINDS[kind]
        yield name, one if count == 1 else many.format(count)


def people_missing(evidence: IncidentEvidence) -> str:
    """Which roles nobody had, in words; empty where all were held."""
    missing = [role.value for role in IncidentRole if evidence.incident.holder(role) is None]
    return join_and(missing)
