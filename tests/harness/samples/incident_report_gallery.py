"""What tells about incidents, one of each kind, for the tables of what people read."""

from dataclasses import replace
from datetime import timedelta

from domain.incidents.statistics import IncidentFigures, statistics_of
from domain.incidents.timeline_report import timeline_of
from domain.severities import Severity
from tests.harness.families import Fact
from tests.harness.samples.incident_story import BAD_DEPLOY, EARLIER, ROLLBACK, SILENCE, closed, minute, rolling_back

_UNTIL = minute(0)
_FIGURES = tuple(
    IncidentFigures(
        id=f"inc-{number}",
        severity=list(Severity)[number % 4],
        environment="production",
        services=("deep-echo-main",) if number % 3 else ("redis", "deep-echo-main"),
        cause="/production/deep-echo-main" if number in (2, 5, 9) else "",
        declared_at=_UNTIL - timedelta(days=2.1 * number + 1),
        acknowledged_at=_UNTIL - timedelta(days=2.1 * number + 1, minutes=-2 - number),
        mitigated_at=_UNTIL - timedelta(days=2.1 * number + 1, minutes=-15 - number) if number % 2 else None,
        resolved_at=_UNTIL - timedelta(days=2.1 * number + 1, minutes=-22 - 3 * number) if number else None,
        reopened=int(number == 5),
    )
    for number in range(14)
)
STATISTICS = statistics_of(_FIGURES, _UNTIL - timedelta(days=30), _UNTIL, pages={"ana": 6, "lee": 2}, without_security=True)

_WORKING, _CLOSED = rolling_back(), closed()

REPORT_GALLERY: dict[str, Fact] = {
    "catch-up": _WORKING.catchup(minute(13), BAD_DEPLOY, EARLIER, acts=(SILENCE,)),
    "catch-up of a closed one": _CLOSED.catchup(minute(60), BAD_DEPLOY, ROLLBACK),
    "timeline": timeline_of(_CLOSED.record, _CLOSED.entries, {1: "https://deepecho.slack.com/archives/C0INCIDENT/p1764"}),
    "statistics": STATISTICS,
    "statistics as an answer": replace(STATISTICS, chart_sent=True),
    "statistics of nothing": statistics_of((), _UNTIL - timedelta(days=7), _UNTIL, pages=None, without_security=False),
    "empty timeline": timeline_of(_WORKING.record, (), {}),
}
