"""Statistics of incidents: counts, times, services, causes that came back, pages. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from domain.facts import Answer
from domain.metrics.charts import BarChart, BarSeries
from domain.severities import Severity

MAX_INCIDENTS = 20_000
"""Incidents that are counted, the newest ones. Reading so many takes about half a second."""
MAX_LISTED = 5
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFigures:
    """What is counted of one incident."""

    id: str
    severity: Severity
    environment: str
    services: tuple[str, ...]
    cause: str
    declared_at: datetime
    acknowledged_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    reopened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long something took. ``count`` is in how many incidents it happened; both times are None for none."""

    name: str
    count: int
    median: timedelta | None
    percentile_90: timedelta | None
    """The time that 9 of 10 incidents did not exceed: one of the measured times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedCause:
    """A cause that came back: several incidents, or one that was reopened. ``ids`` are the newest ones."""

    name: str
    incidents: int
    reopened: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week by its Monday, with the number of incidents by severity."""

    monday: date
    counts: Mapping[Severity, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentStatistics(Answer):
    """Incidents that were declared in this time, without tests and merged ones.

    ``pages`` is by person, the most often paged first; None where nobody can be paged. ``chart_sent``: the chart is on its way
    to whoever asked, in private.
    """

    since: datetime
    until: datetime
    counts: Mapping[Severity, int]
    unresolved: int
    durations: tuple[Durations, ...]
    services: tuple[tuple[str, int], ...]
    returned: tuple[ReturnedCause, ...]
    pages: tuple[tuple[str, int], ...] | None
    weeks: tuple[Week, ...]
    without_security: bool
    is_cut: bool
    chart_sent: bool = False

    @property
    def total(self) -> int:
        """How many incidents are counted."""
        return sum(self.counts.values())


def statistics_of(
    figures: Sequence[IncidentFigures],
    since: datetime,
    until: datetime,
    *,
    pages: Mapping[str, int] | None,
    without_security: bool,
) -> IncidentStatistics:
    """Count. Whoever asks may not see security incidents if ``without_security``; then none is among the figures."""
    counted = figures[:MAX_INCIDENTS]
    services = Counter(name for each in counted for name in dict.fromkeys(each.services))
    return IncidentStatistics(
        since=since,
        until=until,
        counts=_by_severity(counted),
        unresolved=sum(each.resolved_at is None for each in counted),
        durations=_durations(counted),
        services=_most_common(services),
        returned=_returned(counted),
        pages=None if pages is None else _most_common(pages),
        weeks=_weeks(counted, since, until),
        without_security=without_security,
        is_cut=len(figures) > MAX_INCIDENTS,
    )


def chart_of(fact: IncidentStatistics) -> BarChart:
    """Incidents by week, in bars that are stacked by severity."""
    return BarChart(
        title="Incidents by week",
        subtitle=f"{day_text(fact.since)} to {day_text(fact.until)} · {fact.total:,} in all · weeks begin on Monday, UTC",
        labels=tuple(f"{week.monday.day} {week.monday:%b}" for week in fact.weeks),
        series=tuple(BarSeries(each.value, tuple(week.counts.get(each, 0) for week in fact.weeks)) for each in Severity),
    )


def day_text(at: datetime) -> str:
    """``23 Nov 2026``, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y}"


def percentile_90(values: Sequence[timedelta]) -> timedelta:
    """The smallest of the values that at least 9 of 10 do not exceed (nearest rank). There is at least one value."""
    ordered = sorted(values)
    return ordered[math.ceil(0.9 * len(ordered)) - 1]


def _by_severity(figures: Iterable[IncidentFigures]) -> Mapping[Severity, int]:
    counts = Counter(each.severity for each in figures)
    return {severity: counts[severity] for severity in Severity}


def _durations(figures: Sequence[IncidentFigures]) -> tuple[Durations, ...]:
    ends = {
        "acknowledge": [(each.declared_at, each.acknowledged_at) for each in figures],
        "mitigate": [(each.declared_at, each.mitigated_at) for each in figures],
        "resolve": [(each.declared_at, each.resolved_at) for each in figures],
    }
    return tuple(_durations_of(name, [end - start for start, end in pairs if end is not None]) for name, pairs in ends.items())


def _durations_of(name: str, spans: Sequence[timedelta]) -> Durations:
    # A clock that was set back must not make a time negative.
    values = [max(span, timedelta()) for span in spans]
    if not values:
        return Durations(name=name, count=0, median=None, percentile_90=None)
    return Durations(name=name, count=len(values), median=median(values), percentile_90=percentile_90(values))


def median(values: Sequence[timedelta]) -> timedelta:
    """The middle value; of an even number of values, halfway between the two in the middle."""
    # Python's own ``statistics`` would bring fractions and decimals into every process, for this line.
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _returned(figures: Sequence[IncidentFigures]) -> tuple[ReturnedCause, ...]:
    groups: dict[str, list[IncidentFigures]] = {}
    for each in figures:
        if each.cause and not each.cause.startswith("storm/"):
            groups.setdefault(each.cause, []).append(each)
        elif each.reopened:
            groups[each.id] = [each]
    returned = [
        ReturnedCause(
            name=cause_name(each[0]),
            incidents=len(each),
            reopened=sum(incident.reopened for incident in each),
            ids=tuple(incident.id for incident in each[:3]),
        )
        for each in groups.values()
        if len(each) > 1 or each[0].reopened
    ]
    return tuple(sorted(returned, key=lambda each: -(each.incidents + each.reopened))[:MAX_LISTED])


def cause_name(figures: IncidentFigures) -> str:
    """The cause in words: ``deep-echo-main in production``, or the alert's name; the incident's id where neither is known."""
    alert = figures.cause.partition("//")[2] if "//" in figures.cause else ""
    what = ", ".join(figures.services) or alert
    if not what:
        return figures.id
    return f"{what} in {figures.environment}" if figures.environment else what


def _most_common(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_LISTED])


def _weeks(figures: Iterable[IncidentFigures], since: datetime, until: datetime) -> tuple[Week, ...]:
    """Every week of the time, also those without an incident."""
    counts: dict[date, Counter[Severity]] = {}
    for each in figures:
        counts.setdefault(_monday(each.declared_at), Counter())[each.severity] += 1
    monday, weeks = _monday(since), []
    while monday <= _monday(until):
        weeks.append(Week(monday=monday, counts=dict(counts.get(monday, {}))))
        monday += _WEEK
    return tuple(weeks)


def _monday(at: datetime) -> date:
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())
