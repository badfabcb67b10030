"""How long an incident took to be detected, acknowledged, mitigated and resolved, and how its severity changed. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.incidents.incident import Incident
from domain.incidents.timeline import EntryKind, TimelineEntry
from domain.rich_text import plain_text
from domain.severities import Severity

_SEVERITY_CHANGE = re.compile(r"Now (P[0-3]), was (P[0-3])")
"""How ``transitions.set_severity`` and ``linking`` begin the entry of a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTimes:
    """Times from the declaration, but ``detect``, which leads to it. None where it is not recorded or has not come."""

    detect: timedelta | None
    acknowledge: timedelta | None
    mitigate: timedelta | None
    resolve: timedelta | None


@dataclass(frozen=True, slots=True)
class SeverityChange:
    """The severity from then on."""

    at: datetime
    severity: Severity
    before: Severity


def times_of(incident: Incident, began_at: datetime | None) -> IncidentTimes:
    """``began_at`` is when its first alert began; None where no alert is known that led to it."""
    declared_at = incident.declared.at
    marks = (incident.acknowledged, incident.mitigated, incident.resolved)
    acknowledge, mitigate, resolve = (mark.at - declared_at if mark else None for mark in marks)
    detect = declared_at - began_at if began_at is not None and began_at <= declared_at else None
    return IncidentTimes(detect=detect, acknowledge=acknowledge, mitigate=mitigate, resolve=resolve)


def severity_changes(entries: Iterable[TimelineEntry]) -> tuple[SeverityChange, ...]:
    """Each change of the severity, the earliest first."""
    matches = ((entry.at, _SEVERITY_CHANGE.match(plain_text(entry.text))) for entry in entries if entry.kind is EntryKind.STATE)
    return tuple(SeverityChange(at, Severity(match[1]), Severity(match[2])) for at, match in matches if match)
