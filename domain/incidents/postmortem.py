"""The draft of a post-mortem: Markdown from what is recorded. What is not recorded is asked for or said, never invented. Pure."""

from collections.abc import Iterable
from datetime import timedelta

from domain.incidents.evidence import IncidentEvidence, entry_text, first_alert_at, participant_name, without_dropped
from domain.incidents.incident import Incident, IncidentRole, Mark
from domain.incidents.markdown import bullets, clock_time, day_time, escape, heading, link, rich, table
from domain.incidents.postmortem_people import action_items, who_did_what
from domain.incidents.postmortem_sections import alarm, alerts, changes_before, impact, last_success, tried
from domain.incidents.postmortem_unknown import unknown
from domain.incidents.timeline import TimelineEntry
from domain.incidents.timeline_edits import edit_note
from domain.incidents.times import IncidentTimes, severity_changes, times_of
from domain.rich_text import plain_text
from domain.text import format_duration, join_and

TO_ANSWER = "**To answer:**"
"""Stands before whatever people have to fill in."""
LESSONS = (
    "What was the cause, and why did it come now?",
    "Why was it not found before it hurt anybody?",
    "What helped, and should be kept?",
    "What hindered or took too long?",
    "Where was it luck?",
    "What would have prevented it, and what would have made it shorter?",
)


def postmortem(evidence: IncidentEvidence) -> str:
    """The whole draft. All times in it are UTC."""
    incident = evidence.incident
    sections = (
        ("Summary", _summary(evidence)),
        ("Impact", f"{impact(evidence)}\n\n{TO_ANSWER} Who noticed it, how many, and what could they not do? Was data lost?"),
        ("Severity", _severity(evidence)),
        ("Times", _times(evidence)),
        ("Timeline", _timeline(evidence)),
        ("Who did what", who_did_what(evidence)),
        ("Alerts", alerts(evidence)),
        ("Changes before it", changes_before(evidence)),
        ("What was tried", tried(evidence)),
        ("How the end was proved", _proof(incident)),
        ("Action items", action_items(evidence)),
        ("Lessons", bullets(f"{TO_ANSWER} {question}" for question in LESSONS)),
        ("What is not known", unknown(evidence)),
    )
    parts = [heading(1, f"Post-mortem: {incident.title}"), _preface(evidence), _facts(evidence)]
    parts += [f"{heading(2, title)}\n\n{body}" for title, body in sections if body]
    return "\n\n".join(parts) + "\n"


def _preface(evidence: IncidentEvidence) -> str:
    incident = evidence.incident
    state = "" if not incident.state.is_ongoing else " The incident is not over yet."
    return f"Draft of {day_time(evidence.at)} UTC, made by deepecho from what is recorded. All times are UTC.{state}"


def _facts(evidence: IncidentEvidence) -> str:
    incident = evidence.incident
    channel = incident.channel
    where = link(f"#{channel.name}", channel.permalink) if channel.name else "none"
    rows = [
        ("Incident", f"{escape(incident.id)}{', a test' if incident.is_test else ''}"),
        ("Severity", incident.severity.value),
        ("State", _state(incident)),
        ("Environment", escape(incident.environment) or "not recorded"),
        ("Services", escape(", ".join(incident.services)) or "not recorded"),
        ("Channel", where),
        *((role.value.capitalize(), _holder(evidence, role)) for role in IncidentRole),
    ]
    return table(("", ""), rows)


def _state(incident: Incident) -> str:
    reopened = (
        f", reopened {incident.reopened} times" if incident.reopened > 1 else ", reopened once" if incident.reopened else ""
    )
    merged = f", merged into {escape(incident.merged_into)}" if incident.merged_into else ""
    return f"{incident.state.value}{reopened}{merged}"


def _holder(evidence: IncidentEvidence, role: IncidentRole) -> str:
    holder = evidence.incident.holder(role)
    return escape(participant_name(holder, evidence.names)) if holder else "nobody"


def _summary(evidence: IncidentEvidence) -> str:
    incident = evidence.incident
    lines = [" ".join(filter(None, (alarm(evidence), _course(evidence))))]
    suspects = tuple(dict.fromkeys(alert.suspect for alert in incident.alerts if alert.suspect))
    lines += [f"Suspected cause, by what changed before it: {escape(', '.join(suspects))}."] if suspects else []
    lines += [last] if (last := last_success(evidence)) else []
    if incident.update is not None:
        by = escape(participant_name(incident.update.mark.by, evidence.names))
        lines.append(f"The last update, by {by} at {clock_time(incident.update.mark.at)}: {escape(incident.update.text)}")
    lines.append(f"{TO_ANSWER} What happened, in two sentences for somebody who was not there?")
    return "\n\n".join(lines)


def _course(evidence: IncidentEvidence) -> str:
    """``The incident was declared by deepecho at 14:02 and resolved by ana at 14:24, after 22 min.``"""
    incident = evidence.incident
    steps: list[tuple[str, Mark | None]] = [("declared", incident.declared), ("acknowledged", incident.acknowledged)]
    steps += [("mitigated", incident.mitigated if _is_separate(incident) else None), ("resolved", incident.resolved)]
    told = [
        f"{word} by {escape(participant_name(mark.by, evidence.names))} at {clock_time(mark.at)}" for word, mark in steps if mark
    ]
    took = f", after {format_duration(incident.resolved.at - incident.declared.at)}" if incident.resolved else ""
    return f"The incident was {join_and(told)}{took}."


def _severity(evidence: IncidentEvidence) -> str:
    changes = severity_changes(without_dropped(evidence.entries))
    if not changes:
        return f"{evidence.incident.severity} from the beginning on; it was not changed."
    first = f"{changes[0].before} from the declaration at {clock_time(evidence.incident.declared.at)}"
    return bullets([first, *(f"{change.severity} from {clock_time(change.at)}, was {change.before}" for change in changes)])


def _times(evidence: IncidentEvidence) -> str:
    incident = evidence.incident
    times = times_of(incident, first_alert_at(incident, evidence.groups))
    rows = [
        ("To detect", "first alert began → declared", _duration(times.detect, "no alert is known that led to it")),
        ("To acknowledge", "declared → acknowledged", _duration(times.acknowledge, "nobody has acknowledged it")),
        ("To mitigate", "declared → mitigated", _mitigation(incident, times)),
        ("To resolve", "declared → resolved", _duration(times.resolve, "it is not resolved")),
    ]
    return table(("", "from → to", "time"), rows)


def _mitigation(incident: Incident, times: IncidentTimes) -> str:
    if times.mitigate is not None and not _is_separate(incident):
        return f"{format_duration(times.mitigate)}, with the resolution: nobody called it mitigated before"
    return _duration(times.mitigate, "nobody has called it mitigated")


def _is_separate(incident: Incident) -> bool:
    """Whether somebody has called it mitigated before it was resolved."""
    return incident.mitigated is not None and (incident.resolved is None or incident.mitigated.at < incident.resolved.at)


def _duration(span: timedelta | None, unknown_because: str) -> str:
    return format_duration(span) if span is not None else f"not known: {unknown_because}"


def _timeline(evidence: IncidentEvidence) -> str:
    parts: list[str] = []
    for day, entries in _by_day(without_dropped(evidence.entries)):
        parts.append(f"**{day}**\n\n{bullets(_entry(entry, evidence) for entry in entries)}")
    return "\n\n".join(parts) or "Nothing is recorded."


def _by_day(entries: Iterable[TimelineEntry]) -> list[tuple[str, list[TimelineEntry]]]:
    days: dict[str, list[TimelineEntry]] = {}
    for entry in entries:
        days.setdefault(day_time(entry.at).rsplit(" ", 1)[0], []).append(entry)
    return list(days.items())


def _entry(entry: TimelineEntry, evidence: IncidentEvidence) -> str:
    changed = plain_text(edit_note(entry))
    notes = [f"({changed})" if changed else "", link("message", entry.permalink) if entry.permalink else ""]
    return " ".join(filter(None, [f"{clock_time(entry.at)} {rich(entry_text(entry, evidence.names))}", *notes]))


def _proof(incident: Incident) -> str:
    return bullets(rich(text) for text in incident.proof)
