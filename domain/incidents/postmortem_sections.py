"""Sections of a post-mortem about alerts, changes and what was tried. Pure."""

from domain.alerts.alerts import AlertGroup, GroupState
from domain.audit import AuditEntry
from domain.changes.platform_changes import Suspect
from domain.incidents.catchup import operation_state
from domain.incidents.evidence import IncidentEvidence, began_at, name_of
from domain.incidents.incident import LinkedAlert
from domain.incidents.markdown import bullets, clock_time, code, day_time, escape, link, period, rich
from domain.operations.operation import Decision, OperationRecord, State
from domain.operations.transitions import describe_plan
from domain.text import format_duration


def impact(evidence: IncidentEvidence) -> str:
    """What the linked alerts say: what, where, for how long."""
    groups = sorted(evidence.groups, key=lambda group: group.began_at)
    if not groups:
        return "No linked alert says what it did to anybody."
    lines = [f"{escape(group.title)}{_place(group)}: {_fired(group, evidence)}{_summary(group)}" for group in groups]
    return bullets(lines)


def alarm(evidence: IncidentEvidence) -> str:
    """``HighErrorRate fired for 22 min, 23 Nov 2026 13:59 to 14:21.``: the first alert, and how many others."""
    groups = sorted(evidence.groups, key=lambda group: group.began_at)
    if not groups:
        return ""
    others = f", and {len(groups) - 1} more alerts" if len(groups) > 2 else ", and one more alert" if len(groups) == 2 else ""
    return f"{escape(groups[0].title)}{_place(groups[0])} {_fired(groups[0], evidence)}{others}."


def last_success(evidence: IncidentEvidence) -> str:
    """The last operation that succeeded before the incident was mitigated or resolved. Whether it helped, people know."""
    incident, began = evidence.incident, began_at(evidence.incident, evidence.groups)
    end = incident.mitigated or incident.resolved
    if end is None:
        return ""
    done = [
        (operation.ended_at, operation)
        for operation in evidence.operations
        if operation.state is State.SUCCEEDED and operation.ended_at and began <= operation.ended_at <= end.at
    ]
    if not done:
        return ""
    ended_at, last = max(done, key=lambda pair: pair[0])
    what = escape(describe_plan(last.plan))
    word = "mitigated" if incident.mitigated and incident.mitigated is not incident.resolved else "resolved"
    return f"The last change before it was {word}: {what} ({code(last.id)}), verified at {clock_time(ended_at)}."


def alerts(evidence: IncidentEvidence) -> str:
    """Every linked alert with its links, its suspect and the numbers of its chart."""
    if not evidence.incident.alerts:
        return "None is linked."
    stored = {group.id: group for group in evidence.groups}
    lines = [_alert(each, stored.get(each.group_id), evidence) for each in evidence.incident.alerts]
    return bullets(lines)


def changes_before(evidence: IncidentEvidence) -> str:
    """What changed shortly before it began, and what is suspected."""
    began = began_at(evidence.incident, evidence.groups)
    operations = [each for each in evidence.operations if each.requested_at < began]
    lines = [(each.requested_at, _operation(each, evidence)) for each in operations]
    lines += [(each.at, _act(each, evidence)) for each in evidence.acts if each.at < began]
    known = {each.id for each in evidence.operations}
    for group in evidence.groups:
        if group.suspect is not None and group.suspect.change.operation_id not in known:
            lines.append((group.suspect.change.at, _suspect(group.suspect, evidence)))
    if not lines:
        return "None is recorded in the 15 minutes before it, and none is suspected."
    return bullets(dict.fromkeys(text for _, text in sorted(lines)))


def tried(evidence: IncidentEvidence) -> str:
    """What was done about it, and how that ended."""
    began = began_at(evidence.incident, evidence.groups)
    lines = [(each.requested_at, _operation(each, evidence)) for each in evidence.operations if each.requested_at >= began]
    lines += [(each.at, _act(each, evidence)) for each in evidence.acts if each.at >= began]
    return bullets(text for _, text in sorted(lines)) if lines else "Nothing that is recorded."


def suspected_operations(evidence: IncidentEvidence) -> frozenset[str]:
    """Ids of the operations that are suspected to be the cause."""
    suspects = (group.suspect.change.operation_id for group in evidence.groups if group.suspect)
    return frozenset(filter(None, suspects))


def _place(group: AlertGroup) -> str:
    where = " in ".join(filter(None, (group.service, group.environment)))
    return f" ({escape(where)})" if where else ""


def _fired(group: AlertGroup, evidence: IncidentEvidence) -> str:
    if group.state is GroupState.FIRING or group.resolved_at is None:
        return f"has been firing since {day_time(group.began_at)}, for {format_duration(evidence.at - group.began_at)}"
    again = f", the last of {group.episode} times" if group.episode > 1 else ""
    span = period(group.began_at, group.resolved_at)
    return f"fired for {format_duration(group.resolved_at - group.began_at)}, {span}{again}"


def _summary(group: AlertGroup) -> str:
    count = f", {group.total:,} alerts" if group.total > 1 else ""
    return f"{count}. {escape(group.summary)}" if group.summary else f"{count}."


def _alert(linked: LinkedAlert, group: AlertGroup | None, evidence: IncidentEvidence) -> str:
    name = f"{escape(linked.title)} ({code(linked.group_id)}), {linked.severity}"
    if group is None:
        return f"{name}: its times and links are no longer stored."
    links = " · ".join(link(each.text, each.url) for each in group.links)
    chart = next((each for each in evidence.charts if each.group_id == group.id), None)
    numbers = f"chart: {rich(chart.text)} (picture in the thread of this file)" if chart else ""
    suspect = _suspect(group.suspect, evidence) if group.suspect else ""
    details = [f"suspect: {suspect}" if suspect else "", numbers, links]
    return "\n  - ".join([f"{name}: {_fired(group, evidence)}.", *filter(None, details)])


def _suspect(suspect: Suspect, evidence: IncidentEvidence) -> str:
    change = suspect.change
    who = (name_of(change.by, evidence.names) if change.by else change.by_manager) or ""
    by = f" by {escape(who)}" if who else ""
    operation = f" ({code(change.operation_id)})" if change.operation_id else ""
    reasons = f": {escape(', '.join(suspect.reasons))}" if suspect.reasons else ""
    return f"{day_time(change.at)} {escape(change.description)}{by}{operation}{reasons}"


def _operation(operation: OperationRecord, evidence: IncidentEvidence) -> str:
    suspected = " **This is the suspect.**" if operation.id in suspected_operations(evidence) else ""
    why = f" Reason: {escape(operation.reason)}" if operation.reason else ""
    what = f"{day_time(operation.requested_at)} {escape(describe_plan(operation.plan))} ({code(operation.id)})"
    return f"{what}{_people(operation, evidence)}: {rich(operation_state(operation, evidence))}{_took(operation)}{suspected}{why}"


def _people(operation: OperationRecord, evidence: IncidentEvidence) -> str:
    asked = name_of(operation.requested_by, evidence.names)
    approval = operation.approval
    decided = approval.decided_by if approval and approval.decision is Decision.APPROVED else None
    approved = name_of(decided, evidence.names) if decided else ""
    parts = [f"by {escape(asked)}" if asked else "", f"approved by {escape(approved)}" if approved else ""]
    return "".join(f", {part}" for part in parts if part)


def _took(operation: OperationRecord) -> str:
    return f" After {format_duration(operation.ended_at - operation.requested_at)}." if operation.ended_at else ""


def _act(act: AuditEntry, evidence: IncidentEvidence) -> str:
    name = name_of(act.who, evidence.names)
    by = f" by {escape(name)}" if name else ""
    return f"{day_time(act.at)} {escape(act.what)} {escape(act.where)}{by}{f': {escape(act.why)}' if act.why else ''}"
