"""The section of a post-mortem about what is not recorded. Pure."""

from collections.abc import Iterator

from domain.incidents.evidence import IncidentEvidence, people_in, without_dropped
from domain.incidents.markdown import bullets, escape
from domain.incidents.postmortem_people import people_missing
from domain.incidents.timeline import EntryKind
from domain.people import BOT


def unknown(evidence: IncidentEvidence) -> str:
    """What a reader may look for in vain, and why it is not there."""
    return bullets((*_about_alerts(evidence), *_about_people(evidence), *_about_course(evidence)))


def _about_alerts(evidence: IncidentEvidence) -> Iterator[str]:
    incident = evidence.incident
    stored = {group.id for group in evidence.groups}
    missing = [alert for alert in incident.alerts if alert.group_id not in stored]
    if not incident.alerts:
        yield "When it began: no alert is linked."
    if missing:
        names = escape(", ".join(alert.title for alert in missing[:5]))
        yield f"When {names} fired: alerts are kept for a time only, and that is over."
    if incident.alerts and not any(group.suspect for group in evidence.groups):
        yield "What caused it: no change is suspected."
    without_chart = [group for group in evidence.groups if group.id not in {chart.group_id for chart in evidence.charts}]
    if without_chart:
        yield f"The course of {escape(', '.join(group.title for group in without_chart[:5]))}: no chart is stored."
    if repeated := [group for group in evidence.groups if group.episode > 1]:
        names = escape(", ".join(group.title for group in repeated[:5]))
        yield f"The earlier times at which {names} fired: only the last one is told."


def _about_people(evidence: IncidentEvidence) -> Iterator[str]:
    if missing := people_missing(evidence):
        yield f"Who was {missing}: nobody had the role at the end."
    mentioned = people_in(entry.text for entry in evidence.entries) | {each.requested_by for each in evidence.operations}
    if mentioned - evidence.names.keys() - {BOT}:
        yield "Some people's names: they are called somebody here, or left out."


def _about_course(evidence: IncidentEvidence) -> Iterator[str]:
    incident = evidence.incident
    entries = without_dropped(evidence.entries)
    if not incident.environment:
        yield "What was changed meanwhile: the incident names no environment."
    if not any(entry.kind is EntryKind.UPDATE for entry in entries):
        yield "What people thought at the time: nobody posted an update."
    if incident.resolved is not None and not incident.proof:
        yield "Whether it stayed quiet after the end: the watch has not shown it."
    if dropped := len(evidence.entries) - len(entries):
        yield f"{dropped} entries that people dropped from the timeline." if dropped > 1 else "One entry that was dropped."
    if any(entry.deleted_at for entry in entries):
        yield "Why messages were deleted; their last text is kept."
    yield "What was said outside of the channel, and what was done by hand, as far as nobody wrote it down."
