"""The note that carries a group's chart: how much time it shows, and what its lines are called."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.alerts.alerts import AlertGroup, GroupState, Route
from domain.alerts.enrichment_notes import AlertQuery, chart_note, suspects_note
from domain.changes.platform_changes import ChangeKind, PlatformChange, Suspect
from domain.metrics.charts import Chart, Series
from domain.severities import Severity

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
GROUP = AlertGroup(
    id="al-k7m2",
    title="HighErrorRate",
    labels={"alertname": "HighErrorRate"},
    common_labels={"environment": "production", "service": "main", "pod": "main-1"},
    environment="production",
    service="main",
    route=Route(rule="default", channel="C0OPS", severity=Severity.P1),
    state=GroupState.FIRING,
    firing=1,
    total=1,
    began_at=NOW - timedelta(seconds=10),
    seen_at=NOW,
    updated_at=NOW,
)


def suspect(ago: timedelta) -> Suspect:
    change = PlatformChange(
        kind=ChangeKind.DEPLOY, environment="production", services=("main",), at=NOW - ago, description="deploy main-bad5eed"
    )
    return Suspect(change=change, score=90, reasons=("same Deployment",))


def chart(measured: timedelta, *suspects: Suspect, name: str = "errors") -> Chart:
    """Of a number every ten seconds, ``measured`` long until now."""
    start = NOW.timestamp() - measured.total_seconds()
    points = tuple((start + 10 * step, 1.0) for step in range(int(measured.total_seconds()) // 10 + 1))
    query = AlertQuery(expression="errors", since=NOW - HALF_HOUR, until=NOW)
    drawn = chart_note(GROUP, query, [Series(name=name, points=points)], suspects, NOW).chart
    assert drawn is not None
    return drawn


@pytest.mark.parametrize(
    ("measured", "suspects", "shown"),
    [
        (HALF_HOUR, [], HALF_HOUR),
        (timedelta(minutes=16), [], HALF_HOUR),
        (timedelta(minutes=10), [], timedelta(minutes=11)),
        (timedelta(0), [], timedelta(minutes=2)),
        (timedelta(minutes=5), [suspect(timedelta(minutes=20))], timedelta(minutes=22)),
        (timedelta(minutes=5), [suspect(timedelta(hours=3))], timedelta(minutes=5, seconds=30)),
    ],
    ids=["all of it", "more than half", "less", "one point", "a suspect before", "a suspect long before"],
)
def test_a_chart_begins_where_something_was_measured(measured: timedelta, suspects: list[Suspect], shown: timedelta) -> None:
    drawn = chart(measured, *suspects)
    assert drawn.until - drawn.since == shown
    assert [each.text for each in drawn.markers] == [*(each.change.description for each in suspects), "alert"]


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("environment=production, service=main", ""),
        ("environment=production, pod=main-1, service=main", "pod=main-1"),
        ("service=cache", "service=cache"),
        ("errors", "errors"),
    ],
)
def test_a_line_does_not_say_what_the_title_says(name: str, called: str) -> None:
    drawn = chart(HALF_HOUR, name=name)
    assert (drawn.title, drawn.series[0].name) == ("HighErrorRate · main · production", called)


@pytest.mark.parametrize(
    ("count", "heading"), [(1, "What changed before it:"), (2, "What changed before it, the likeliest first:")]
)
def test_one_suspect_is_not_called_the_likeliest(count: int, heading: str) -> None:
    note = suspects_note(GROUP, [suspect(timedelta(minutes=3))] * count, (), NOW)
    assert note is not None
    assert note.text == heading
