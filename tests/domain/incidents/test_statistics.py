"""Statistics of incidents: none, one, some, and thousands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.incidents.statistics import (
    MAX_INCIDENTS,
    IncidentFigures,
    IncidentStatistics,
    chart_of,
    percentile_90,
    statistics_of,
)
from domain.severities import Severity

UNTIL = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=30)
NAMES = {"acknowledge": 0, "mitigate": 1, "resolve": 2}


def figures(
    number: int = 0, *, days: float = 1, minutes: tuple[float | None, float | None, float | None] = (2, 15, 22), **more: object
) -> IncidentFigures:
    """An incident that was declared so many days ago, and the minutes until each of its states."""
    declared_at = UNTIL - timedelta(days=days)
    acknowledged, mitigated, resolved = (None if each is None else declared_at + timedelta(minutes=each) for each in minutes)
    made = IncidentFigures(
        id=f"inc-{number}",
        severity=Severity.P1,
        environment="production",
        services=("deep-echo-main",),
        cause="",
        declared_at=declared_at,
        acknowledged_at=acknowledged,
        mitigated_at=mitigated,
        resolved_at=resolved,
        reopened=0,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def count(*incidents: IncidentFigures, pages: dict[str, int] | None = None) -> IncidentStatistics:
    return statistics_of(incidents, SINCE, UNTIL, pages=pages, without_security=False)


def spans(fact: IncidentStatistics, name: str) -> tuple[int, float | None, float | None]:
    """How many, the median and the 90th percentile, in minutes."""
    found = fact.durations[NAMES[name]]
    minutes = [None if each is None else each / timedelta(minutes=1) for each in (found.median, found.percentile_90)]
    return found.count, minutes[0], minutes[1]


def test_without_incidents_nothing_is_measured() -> None:
    fact = count()
    assert fact.total == 0
    assert [spans(fact, name) for name in NAMES] == [(0, None, None)] * 3
    assert (fact.services, fact.returned, fact.pages) == ((), (), None)
    assert len(fact.weeks) == 6


def test_of_one_incident_both_figures_are_its_own() -> None:
    fact = count(figures())
    assert [spans(fact, name) for name in NAMES] == [(1, 2, 2), (1, 15, 15), (1, 22, 22)]
    assert fact.counts == {Severity.P0: 0, Severity.P1: 1, Severity.P2: 0, Severity.P3: 0}


def test_what_did_not_come_to_it_is_not_measured() -> None:
    fact = count(figures(1), figures(2, minutes=(4, None, None)), figures(3, minutes=(None, None, None)))
    assert [spans(fact, name)[0] for name in NAMES] == [2, 1, 1]
    assert fact.unresolved == 2


def test_the_median_and_the_ninth_of_ten() -> None:
    fact = count(*(figures(number, minutes=(number + 1, None, None)) for number in range(10)))
    assert spans(fact, "acknowledge") == (10, 5.5, 9)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_nine_of_ten_are_not_slower(seconds: list[int]) -> None:
    values = [timedelta(seconds=each) for each in seconds]
    found = percentile_90(values)
    assert found in values
    assert sum(each <= found for each in values) >= 0.9 * len(values)
    assert sum(each < found for each in values) < 0.9 * len(values)


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    assert spans(count(figures(minutes=(-3, None, None))), "acknowledge") == (1, 0, 0)


def test_services_are_counted_once_for_each_incident() -> None:
    fact = count(figures(1), figures(2, services=("deep-echo-main", "deep-echo-main", "redis")), figures(3, services=()))
    assert fact.services == (("deep-echo-main", 2), ("redis", 1))


def test_causes_that_came_back_are_named_the_most_frequent_first() -> None:
    cause = "/production/deep-echo-main"
    alert = "/staging//RedisDown"
    fact = count(
        *(figures(number, cause=cause) for number in range(3)),
        figures(7, cause=alert, services=(), environment="staging", reopened=1),
        figures(8, cause=alert, services=(), environment="staging"),
        figures(9, cause="/production/once"),
        figures(10, reopened=2, services=(), environment=""),
        *(figures(number, cause="storm/st-1") for number in (11, 12)),
    )
    assert [(each.name, each.incidents, each.reopened, each.ids) for each in fact.returned] == [
        ("deep-echo-main in production", 3, 0, ("inc-0", "inc-1", "inc-2")),
        ("RedisDown in staging", 2, 1, ("inc-7", "inc-8")),
        ("inc-10", 1, 2, ("inc-10",)),
    ]


def test_who_was_paged_most_often_comes_first() -> None:
    pages = {f"person-{number}": number for number in range(1, 8)}
    assert count(figures(), pages=pages).pages == tuple((f"person-{number}", number) for number in (7, 6, 5, 4, 3))
    assert count(figures(), pages={}).pages == ()


def test_weeks_begin_on_monday_and_none_is_missing() -> None:
    fact = count(figures(1, days=0), figures(2, days=0.7), figures(3, days=29, severity=Severity.P3))
    assert [f"{week.monday:%a %d %b}" for week in fact.weeks] == [
        "Mon 19 Oct",
        "Mon 26 Oct",
        "Mon 02 Nov",
        "Mon 09 Nov",
        "Mon 16 Nov",
        "Mon 23 Nov",
    ]
    assert [dict(week.counts) for week in fact.weeks] == [
        {Severity.P3: 1},
        {},
        {},
        {},
        {Severity.P1: 1},
        {Severity.P1: 1},
    ]


def test_the_chart_shows_what_the_weeks_say() -> None:
    chart = chart_of(count(figures(1, days=0), figures(3, days=29, severity=Severity.P3)))
    assert chart.labels == ("19 Oct", "26 Oct", "2 Nov", "9 Nov", "16 Nov", "23 Nov")
    assert [(series.name, series.values) for series in chart.series] == [
        ("P0", (0,) * 6),
        ("P1", (0, 0, 0, 0, 0, 1)),
        ("P2", (0,) * 6),
        ("P3", (1, 0, 0, 0, 0, 0)),
    ]
    assert chart.subtitle == "24 Oct 2026 to 23 Nov 2026 · 2 in all · weeks begin on Monday, UTC"


@pytest.mark.parametrize("more", [0, 1])
def test_of_more_than_can_be_counted_the_newest_are(more: int) -> None:
    fact = count(*(figures(number) for number in range(MAX_INCIDENTS + more)))
    assert (fact.total, fact.is_cut) == (MAX_INCIDENTS, bool(more))
