"""The incident of a rehearsal: marked TEST, without a channel and without clocks, and ended with the rehearsal. Pure."""

from dataclasses import replace
from datetime import datetime

from domain.incidents.changes import IncidentChange, change
from domain.incidents.incident import BOT_PARTICIPANT, Incident, IncidentState, Mark
from domain.incidents.timeline import EntryKind


def end_rehearsal(record: Incident, at: datetime) -> IncidentChange | None:
    """Close the incident, whatever became of it meanwhile. None if it is closed, or no rehearsal's."""
    if not record.is_test or record.state is IncidentState.CLOSED:
        return None
    mark = Mark(BOT_PARTICIPANT, at)
    closed = replace(record, state=IncidentState.CLOSED, resolved=record.resolved or mark, closed=mark, clocks=())
    return change(closed, EntryKind.STATE, at, "The rehearsal is over.", by=BOT_PARTICIPANT, stop_paging="the rehearsal is over")
