"""How far an incident is and what it waits for, in one line. Pure."""

from datetime import datetime

from domain.incidents.evidence import IncidentEvidence, participant_name
from domain.incidents.incident import ClockKind, Incident, IncidentClock, IncidentState, Mark
from domain.rich_text import Code, Text, Timestamp, join, sentence
from domain.text import clip, first_names, format_duration

_DUE = {
    ClockKind.ACKNOWLEDGE: "acknowledgement",
    ClockKind.RESPOND: "response",
    ClockKind.UPDATE: "next update",
    ClockKind.POSTMORTEM: "post-mortem",
}
"""What a clock waits for. The commander's clock says nothing to others, and the watch is part of the state."""


def state_text(evidence: IncidentEvidence) -> Text:
    """``deep-echo-main in production · acknowledged by ana at 02:58; declared 6 min ago · next update by 03:30``."""
    incident = evidence.incident
    where = _place(incident)
    clocks = (_clock_text(clock, evidence.at) for clock in incident.clocks)
    return join(" · ", [part for part in (where, _state(evidence), *clocks) if part])


def _place(incident: Incident) -> str:
    """Services and environment, as far as the title does not name them."""
    services = first_names([name for name in incident.services if name not in incident.title], 2)
    environment = incident.environment if incident.environment not in incident.title else ""
    return " in ".join(filter(None, (services, environment)))


def _state(evidence: IncidentEvidence) -> Text:
    incident, at = evidence.incident, evidence.at
    open_for = format_duration(at - incident.declared.at)
    match incident.state:
        case IncidentState.DECLARED:
            return sentence("declared ", *_when(incident.declared, evidence), f", {open_for} ago; nobody has acknowledged it")
        case IncidentState.ACKNOWLEDGED if incident.acknowledged:
            return sentence("acknowledged ", *_when(incident.acknowledged, evidence), f"; declared {open_for} ago")
        case IncidentState.MITIGATED if incident.mitigated:
            return sentence("mitigated ", *_when(incident.mitigated, evidence), f"; declared {open_for} ago")
        case IncidentState.RESOLVED if incident.resolved:
            return sentence("resolved ", *_when(incident.resolved, evidence), *_watch(incident))
        case IncidentState.CLOSED if incident.closed:
            merged = sentence(" and merged into ", Code(incident.merged_into)) if incident.merged_into else ""
            return sentence("closed ", *_when(incident.closed, evidence), merged)
        case _:
            return incident.state.value


def _when(mark: Mark, evidence: IncidentEvidence) -> tuple[Text | Timestamp, ...]:
    return (f"by {participant_name(mark.by, evidence.names)} at ", Timestamp(mark.at, time_only=True))


def _watch(incident: Incident) -> tuple[Text | Timestamp, ...]:
    watch = incident.clock(ClockKind.WATCH)
    return (", watched until ", Timestamp(watch.due_at, time_only=True)) if watch else ()


def _clock_text(clock: IncidentClock, at: datetime) -> Text:
    due = _DUE.get(clock.kind)
    if due is None:
        return ""
    if clock.paused:
        return sentence(f"{due} paused until ", Timestamp(clock.due_at, time_only=True), f": {clip(clock.paused, 60)}")
    day = clock.kind is ClockKind.POSTMORTEM
    verb = "by" if clock.deadline > at else "was due"
    return sentence(f"{due} {verb} ", Timestamp(clock.deadline, time_only=not day))
