"""Merging an incident into another one: what changes about each. Pure."""

from dataclasses import replace
from datetime import datetime

from domain.catalogue.incidents import IncidentTimings
from domain.errors import Refused
from domain.incidents.changes import IncidentChange, change, page_of_severity
from domain.incidents.clocks import clocks_of_severity
from domain.incidents.incident import Incident, IncidentState, Mark, Participant
from domain.incidents.linking import MAX_ALERTS
from domain.incidents.timeline import EntryKind
from domain.incidents.transitions import require_ongoing
from domain.notes import Tone
from domain.rich_text import Code, sentence


def merge(record: Incident, into: Incident, by: Participant, at: datetime) -> IncidentChange:
    """Close this incident because it goes on as another one. ``absorb`` is the change of the other."""
    require_ongoing(record, "merge")
    if record.id == into.id:
        raise Refused("An incident cannot be merged into itself.")
    if record.security and not into.security:
        raise Refused(f"{record.id} is a security incident, and {into.id} is seen by others. Nothing was changed.")
    if record.is_test != into.is_test:
        test = record if record.is_test else into
        raise Refused(f"{test.id} is a rehearsal, which ends by itself. Nothing was changed.")
    if not into.state.is_ongoing:
        raise Refused(f"{into.id} is {into.state.value}, so nothing can be merged into it.")
    after = replace(record, state=IncidentState.CLOSED, closed=Mark(by, at), merged_into=into.id, clocks=())
    title = "" if into.security else f" ({into.title})"
    text = sentence(by.text, " merged this into ", Code(into.id), f"{title}. It goes on there.")
    return change(after, EntryKind.STATE, at, text, by=by, audit="incident merge", stop_paging=f"merged into {into.id}")


def absorb(record: Incident, other: Incident, by: Participant, at: datetime, timings: IncidentTimings) -> IncidentChange:
    """Take over the alerts, operations and open tasks of an incident that is merged into this one.

    The worse severity of both holds. Where that is the other's, people are paged by it: its own pages have ended.
    """
    known = {each.group_id for each in record.alerts}
    known_operations = {each.operation_id for each in record.operations}
    tasks = tuple(replace(task, number=len(record.tasks) + number) for number, task in enumerate(other.open_tasks, start=1))
    after = replace(
        record,
        alerts=(*record.alerts, *(each for each in other.alerts if each.group_id not in known))[:MAX_ALERTS],
        operations=(*record.operations, *(each for each in other.operations if each.operation_id not in known_operations)),
        services=tuple(dict.fromkeys((*record.services, *other.services))),
        tasks=(*record.tasks, *tasks),
    )
    text = sentence(by.text, " merged ", Code(other.id), f" ({other.title}) into this.")
    if other.severity.rank >= record.severity.rank:
        return change(after, EntryKind.STATE, at, text, by=by, audit="incident merge")
    worse = replace(after, severity=other.severity, clocks=clocks_of_severity(record, other.severity, at, timings))
    text = sentence(f"Now {other.severity}, was {record.severity}: ", text)
    page = page_of_severity(worse)
    return change(worse, EntryKind.STATE, at, text, by=by, tone=Tone.BAD, audit="incident merge", page=page)
