"""Alerts and operations of an incident: which alerts share a cause, and what their changes mean for it. Pure."""

import hashlib
from dataclasses import replace
from datetime import datetime

from domain.alerts.alerts import AlertGroup, GroupState
from domain.alerts.rehearsals import SOURCE, rehearsed_team
from domain.catalogue.incidents import IncidentTimings
from domain.incidents.changes import IncidentChange, Offer, change, page_of_severity
from domain.incidents.clocks import clocks_of_severity
from domain.incidents.incident import (
    BOT_PARTICIPANT,
    ClockKind,
    Incident,
    IncidentState,
    LinkedAlert,
    LinkedOperation,
    Mark,
    Participant,
)
from domain.incidents.timeline import EntryKind
from domain.incidents.transitions import MAX_TITLE_LENGTH, acknowledge, reopen
from domain.notes import Tone
from domain.operations.operation import OperationRecord, State
from domain.operations.transitions import describe_plan
from domain.rich_text import Code, Text, plain_text, sentence
from domain.text import clip, format_duration

MAX_ALERTS = 200
"""Alert groups that one incident lists. A further one takes the place of one that does not fire any more; while all of them
fire, it can only raise the severity."""
MAX_ANNOUNCED = 5
"""Alerts that join are told in the channel up to here; then the card alone counts them."""
MAX_OPERATIONS = 100
MAX_CAUSE_LENGTH = 200
"""Characters of a cause, as the column of pages has: the title of an alert may be longer."""


def cause_of(group: AlertGroup) -> str:
    """The key of what the group is about: its service, else its alert. Groups with one key share an incident."""
    where = f"{group.source}/{group.environment}"
    cause = f"{where}/{group.service}" if group.service else f"{where}//{group.title}"
    if len(cause) <= MAX_CAUSE_LENGTH:
        return cause
    digest = hashlib.sha256(cause.encode()).hexdigest()[:16]
    return f"{cause[: MAX_CAUSE_LENGTH - len(digest) - 1]}/{digest}"


def storm_cause(group: AlertGroup) -> str:
    """The key of the storm that the group is folded into; empty without one."""
    return f"storm/{group.storm}" if group.storm else ""


def incident_from(group: AlertGroup, incident_id: str, at: datetime, *, team: str, announcement_channel: str) -> Incident:
    """The incident that an alert group opens."""
    is_test = bool(rehearsed_team(group))
    return Incident(
        id=incident_id,
        title=alert_title(group),
        severity=group.severity,
        environment=group.environment,
        services=(group.service,) if group.service else (),
        team=team,
        # A rehearsal has an incident of its own: it must not join a storm, nor what another one has opened.
        cause=f"{SOURCE}/{group.group_key}" if is_test else storm_cause(group) or cause_of(group),
        is_test=is_test,
        declared=Mark(BOT_PARTICIPANT, at),
        alerts=(linked_alert(group),),
        announcement_channel=announcement_channel,
    )


def alert_title(group: AlertGroup) -> str:
    """The title of an incident about the group: ``HighErrorRate · deep-echo-main in production``."""
    where = f" in {group.environment}" if group.environment else ""
    return clip(f"{group.title}{f' · {group.service}' if group.service else ''}{where}", MAX_TITLE_LENGTH)


def linked_alert(group: AlertGroup) -> LinkedAlert:
    """What an incident keeps of an alert group."""
    return LinkedAlert(
        group_id=group.id,
        title=group.title,
        severity=group.severity,
        firing=group.state is GroupState.FIRING,
        channel=group.channel,
        episode=group.episode,
        suspect=plain_text(group.suspect.change.description) if group.suspect else "",
    )


def apply_alert(
    record: Incident, group: AlertGroup, at: datetime, timings: IncidentTimings, *, by: Participant | None = None
) -> tuple[IncidentChange, ...]:
    """What a linked, or newly linked, alert group changes about the incident, in order. Empty where nothing has changed.

    A group that fires while a resolved incident is watched reopens it. A worse group raises the severity of an incident that the
    bot has opened, and one that becomes worse that of any. A group that a person acknowledges acknowledges the incident.
    """
    before = next((each for each in record.alerts if each.group_id == group.id), None)
    after = linked_alert(group)
    if before is None:
        record = _with_room(record)
    is_kept = before is not None or len(record.alerts) < MAX_ALERTS
    # A group that cannot be kept seems new at each of its updates: each would reopen the incident.
    if not is_kept and record.state is IncidentState.RESOLVED:
        return ()
    changes = [_save_alert(record, before, after, at, by)] if is_kept and before != after else []
    became_worse = before is not None and after.severity.rank < before.severity.rank
    if after.firing and (before is None or not before.firing or before.episode != after.episode or became_worse):
        latest = changes[-1].record if changes else record
        changes += _react_to_firing(latest, after, at, timings, became_worse=became_worse)
    latest = changes[-1].record if changes else record
    is_waiting = latest.state is IncidentState.DECLARED and latest.acknowledged is None
    taken = group.acknowledgement if is_waiting and after.firing else None
    if taken is not None and taken.at >= _waits_since(latest):
        changes.append(acknowledge(latest, Participant(taken.by), at, timings, way=f"by acknowledging {group.title}"))
    return tuple(changes)


def _with_room(record: Incident) -> Incident:
    """The record without the alert that ended first, if its list is full."""
    ended = next((each for each in record.alerts if not each.firing), None)
    if len(record.alerts) < MAX_ALERTS or ended is None:
        return record
    return replace(record, alerts=tuple(each for each in record.alerts if each is not ended))


def _waits_since(record: Incident) -> datetime:
    """Who acknowledged an alert before that has not seen what the incident pages for: that it is worse, or fires again."""
    return record.commander_acted_at if record.reopened and record.commander_acted_at else record.declared.at


def _save_alert(
    record: Incident, before: LinkedAlert | None, after: LinkedAlert, at: datetime, by: Participant | None
) -> IncidentChange:
    others = tuple(each for each in record.alerts if each.group_id != after.group_id)
    kept = tuple(after if each.group_id == after.group_id else each for each in record.alerts)
    unlinked = tuple(each for each in record.unlinked if each[0] != after.group_id)
    updated = replace(record, alerts=(*others, after) if before is None else kept, unlinked=unlinked)
    name = sentence(after.title, " (", Code(after.group_id), ")")
    if before is None:
        text = sentence(by.text, " linked ", name, ".") if by else sentence(name, " fires, too." if others else " fires.")
        audit = "incident link" if by else ""
        quiet = by is None and not 0 < len(others) < MAX_ANNOUNCED
        return change(updated, EntryKind.ALERT, at, text, by=by, ref=after.group_id, quiet=quiet, audit=audit)
    if before.firing and not after.firing:
        return _save_ended(updated, name, after, at)
    if not before.firing and after.firing:
        return change(updated, EntryKind.ALERT, at, sentence(name, " fires again."), ref=after.group_id, tone=Tone.BAD)
    if after.suspect and after.suspect != before.suspect:
        return change(updated, EntryKind.ALERT, at, sentence("Suspect of ", name, f": {after.suspect}."), ref=after.group_id)
    return IncidentChange(record=updated, low_priority=True)


def _save_ended(updated: Incident, name: Text, after: LinkedAlert, at: datetime) -> IncidentChange:
    still = sum(each.firing for each in updated.alerts)
    if still or not updated.state.is_ongoing:
        rest = f" {still} of {len(updated.alerts)} still fire." if still > 1 else " One still fires." if still else ""
        return change(updated, EntryKind.ALERT, at, sentence(name, " is resolved.", rest), ref=after.group_id, quiet=True)
    text = sentence(name, " is resolved. No linked alert fires any more.")
    return change(updated, EntryKind.ALERT, at, text, ref=after.group_id, tone=Tone.GOOD, offers=(Offer.RESOLVE,))


def _react_to_firing(
    record: Incident, alert: LinkedAlert, at: datetime, timings: IncidentTimings, *, became_worse: bool
) -> list[IncidentChange]:
    if record.state is IncidentState.RESOLVED and record.resolved is not None:
        ago = format_duration(at - record.resolved.at)
        return [reopen(record, BOT_PARTICIPANT, at, timings, why=f"{alert.title} fires again, {ago} after the resolution.")]
    is_worse = alert.severity.rank < record.severity.rank
    # A person has judged what fired then, and not what it has become.
    if not record.state.is_ongoing or not is_worse or not (record.declared.by.is_bot or became_worse):
        return []
    raised = replace(record, severity=alert.severity, clocks=clocks_of_severity(record, alert.severity, at, timings))
    text = f"Now {alert.severity}, was {record.severity}: {alert.title} is {alert.severity}."
    page = page_of_severity(raised)
    return [change(raised, EntryKind.STATE, at, text, by=BOT_PARTICIPANT, tone=Tone.BAD, audit="incident severity", page=page)]


def unlink_alert(record: Incident, group_id: str, by: Participant, at: datetime) -> IncidentChange | None:
    """Take an alert group from the incident. None if it is not part of it."""
    unlinked = next((each for each in record.alerts if each.group_id == group_id), None)
    if unlinked is None:
        return None
    kept = tuple(each for each in record.alerts if each is not unlinked)
    after = replace(record, alerts=kept, unlinked=(*record.unlinked, (group_id, unlinked.episode)))
    text = sentence(by.text, " unlinked ", Code(group_id), ".")
    return change(after, EntryKind.ALERT, at, text, by=by, ref=group_id, audit="incident unlink")


def was_unlinked(record: Incident, group: AlertGroup) -> bool:
    """Whether a person took the group from the incident since it began to fire: its next update must not undo that."""
    return (group.id, group.episode) in record.unlinked


def is_part_of(record: Incident, operation: OperationRecord) -> bool:
    """Whether the operation belongs to the incident by itself: it changes a service of it until the watch is over."""
    goes_on = record.state.is_ongoing or record.clock(ClockKind.WATCH) is not None
    if not goes_on or operation.environment != record.environment or not record.environment:
        return False
    return not record.services or bool(set(record.services) & set(operation.plan.services))


def apply_operation(
    record: Incident, operation: OperationRecord, at: datetime, *, by: Participant | None = None
) -> IncidentChange | None:
    """What an operation that starts, waits or ends changes about the incident. None where nothing has changed."""
    before = next((each for each in record.operations if each.operation_id == operation.id), None)
    title, state = describe_plan(operation.plan), _state_text(operation)
    after = LinkedOperation(operation_id=operation.id, title=title, state=state, ended=operation.state.final)
    if before == after or (before is None and len(record.operations) >= MAX_OPERATIONS):
        return None
    others = tuple(each for each in record.operations if each.operation_id != operation.id)
    kept = tuple(after if each.operation_id == operation.id else each for each in record.operations)
    updated = replace(record, operations=(*others, after) if before is None else kept)
    name = sentence(title, " (", Code(operation.id), ")")
    if before is None:
        asked = sentence(by.text, " linked ", name, ".") if by else sentence(name, ": ", state, ".")
        return change(updated, EntryKind.OPERATION, at, asked, by=by, ref=operation.id)
    tone = Tone.GOOD if operation.state is State.SUCCEEDED else Tone.WARNING if operation.state.final else Tone.PLAIN
    outcome = operation.outcome if operation.state.final and operation.outcome else state
    return change(updated, EntryKind.OPERATION, at, sentence(name, ": ", outcome), ref=operation.id, tone=tone)


def _state_text(operation: OperationRecord) -> str:
    match operation.state:
        case State.WAITING:
            return "waits for an approval" if operation.approval is not None else "is about to start"
        case State.RUNNING:
            return "runs"
        case State.SUCCEEDED:
            return "done"
        case State.NEEDS_PERSON:
            return "needs a person"
        case _:
            return operation.state.value
