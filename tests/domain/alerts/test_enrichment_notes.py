"""What was found out, in words: which number counts, which lines are drawn, what is left out."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from domain.alerts import enrichment_notes
from domain.alerts.alerts import AlertGroup
from domain.alerts.enrichment_notes import AlertQuery
from domain.metrics.charts import Series
from domain.metrics.promql import split_threshold
from domain.metrics.samples import Sample
from domain.rich_text import UserMention, parts_of
from domain.workloads.pod_failures import PodFailure
from tests.harness.samples.alerts import SUSPECT, alert, group

AT = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
ALTERNATIVES = "the rule has alternatives (or), each with a limit of its own"
HALF_AN_HOUR, SIX_HOURS = timedelta(minutes=30), timedelta(hours=6)


def asking(expression: str, **more: object) -> AlertGroup:
    url = f"http://prometheus.example/graph?g0.expr={quote(expression)}"
    return group(examples=(alert("without"), replace(alert("a"), generator_url=url)), **more)


def query(expression: str) -> AlertQuery:
    threshold = split_threshold(expression)
    left = threshold.left if threshold else expression
    return AlertQuery(expression=left, since=AT - HALF_AN_HOUR, until=AT, threshold=threshold)


def line(name: str, *values: float | None) -> Series:
    first = AT.timestamp() - 60 * len(values)
    return Series(name=name, points=tuple((first + 60 * minute, value) for minute, value in enumerate(values)))


@pytest.mark.parametrize(
    ("expression", "values", "said"),
    [
        ("errors > 10", [3.0, 14.2, 11.0], "14.2 (limit 10)"),
        ("availability < 99.5", [99.9, 97.0], "97 (limit 99.5)"),
        ("10 < errors", [3.0, 14.2], "14.2 (limit 10)"),
        ("up == 0", [1.0, 0.0, 1.0], "0 (limit 0)"),
        ("up == 1", [1.0, 0.0], "1 (limit 1)"),
        ("replicas != 3", [3.0, 1.0, 3.0], "1 (limit 3)"),
        ("errors > bool 10", [14.2], "14.2 (limit 10)"),
        ("errors and on() day", [1.0, 2.0], "2"),
        ("errors < Inf", [5.0], "5"),
        ("errors > -Inf", [5.0], "5"),
        ("errors > 10", [None, 14.2], "14.2 (limit 10)"),
        ("errors > 10", [None], ""),
        ("errors > 10", [], ""),
    ],
)
def test_the_value_is_the_one_that_fits_the_condition_best(expression: str, values: list[float | None], said: str) -> None:
    assert enrichment_notes.value_of(query(expression), [Sample({}, each) for each in values]) == said


@pytest.mark.parametrize(
    ("expression", "drawn"),
    [
        ("errors > 10", {"c", "d", "e", "f", "g", "h", "i", "j"}),
        ("errors < 10", {"a", "b", "c", "d", "e", "f", "g", "h"}),
        ("errors == 0", {"a", "b", "c", "d", "e", "f", "g", "h"}),
    ],
)
def test_of_many_lines_those_that_fit_the_condition_best_are_drawn(expression: str, drawn: set[str]) -> None:
    series = [line(name, 1.0, float(number)) for number, name in enumerate("abcdefghij")]
    chart = enrichment_notes.chart_note(group(), query(expression), series, [], AT).chart
    assert chart is not None
    assert {each.name for each in chart.series} == drawn
    assert chart.left_out == 2


def test_lines_without_a_number_are_drawn_last_of_all() -> None:
    series = [line("none", None, None), *(line(f"s{number}", -5.0) for number in range(8))]
    chart = enrichment_notes.chart_note(group(), query("errors > 10"), series, [], AT).chart
    assert chart is not None
    assert "none" not in {each.name for each in chart.series}


def test_without_an_expression_there_is_nothing_to_ask() -> None:
    assert enrichment_notes.query_of(group(), AT) is None
    assert enrichment_notes.query_of(group(examples=()), AT) is None


def test_the_first_expression_is_asked_without_its_comparison() -> None:
    asked = enrichment_notes.query_of(asking("sum(rate(errors[5m])) > 10"), AT)
    assert asked is not None
    assert (asked.expression, asked.threshold and asked.threshold.limit) == ("sum(rate(errors[5m]))", 10)
    assert asked.labels == group().common_labels


@pytest.mark.parametrize(
    ("began", "since"),
    [
        (AT, AT - HALF_AN_HOUR),
        (AT - timedelta(hours=1), AT - timedelta(hours=1) - HALF_AN_HOUR),
        (AT - timedelta(days=90), AT - SIX_HOURS),
        (datetime(1970, 1, 1, tzinfo=UTC), AT - SIX_HOURS),
        (AT + timedelta(days=9000), AT - HALF_AN_HOUR),
    ],
)
def test_a_chart_shows_the_time_before_and_never_too_much(began: datetime, since: datetime) -> None:
    asked = enrichment_notes.query_of(asking("errors > 10", began_at=began), AT)
    assert asked is not None
    assert (asked.since, asked.until) == (since, AT)


def test_each_episode_says_each_part_once() -> None:
    keys = [enrichment_notes.missing_part_note(group(episode=episode), "chart", AT, "No.") for episode in (1, 2)]
    assert [each.key for each in keys if each] == ["chart-1", "chart-2"]


def test_of_the_value_nothing_is_said_where_it_is_not_there() -> None:
    assert enrichment_notes.missing_part_note(group(), "value", AT, "Prometheus is away.") is None


def test_suspects_are_few_and_whoever_made_them_is_named() -> None:
    note = enrichment_notes.suspects_note(group(), [SUSPECT] * 5, ["The cluster did not answer."], AT)
    assert note is not None
    assert len(note.lines) == 4
    assert note.lines[-1] == "The cluster did not answer."
    assert SUSPECT.change.by is not None
    assert UserMention(SUSPECT.change.by) in parts_of(note.lines[0])
    assert enrichment_notes.suspects_note(group(), [], [], AT) is None


def test_of_many_pods_some_are_named_and_one_speaks() -> None:
    def pod(number: int, *lines: str) -> PodFailure:
        return PodFailure(pod=f"main-{number}", reason="Error", message="", restarts=1, log_tail=lines)

    note = enrichment_notes.pods_note(group(), [pod(0), *(pod(number, f"boom {number}") for number in range(1, 100))], AT)
    assert note.lines[-1] == "and 95 more"
    assert note.log == ("boom 1",)
    assert enrichment_notes.pods_note(group(), [pod(0)], AT).log == ()


def test_a_limit_that_is_no_number_is_not_named() -> None:
    assert math.isinf(split_threshold("errors < Inf").limit)  # type: ignore[union-attr]
    assert "limit" not in str(enrichment_notes.chart_note(group(), query("errors < Inf"), [line("a", 5.0)], [], AT).text)


@pytest.mark.parametrize(
    ("expression", "measured", "present", "line"),
    [
        ("errors > 10", "errors", "errors", []),
        ("errors", "errors", "errors", []),
        ("errors > 0.9 * 1000", "errors", "errors", []),
        ("3 <= days < 20", "days", "3 <= days < 20", ["The rule has another limit, which is not drawn: >= 3."]),
        ("a > 1 and b > 2", "a", "a > 1 and b > 2", ["The rule demands besides: and b > 2"]),
        ("a > bool 1 and b", "a", "a", ["The rule demands besides: and b"]),
        ("a > 1 or b > 2", "a > 1 or b > 2", "a > 1 or b > 2", [f"No limit is drawn: {ALTERNATIVES}."]),
        ("a > b", "a > b", "a > b", ["No limit is drawn: the rule compares with no single number."]),
    ],
)
def test_what_a_chart_does_not_show_of_a_rule_is_said(expression: str, measured: str, present: str, line: list[str]) -> None:
    asked = enrichment_notes.query_of(asking(expression), AT)
    assert asked is not None
    assert (asked.expression, asked.present_expression) == (measured, present)
    note = enrichment_notes.chart_note(group(), asked, [line_of_one("s")], [], AT)
    assert list(note.lines) == line
    assert note.chart is not None
    assert (note.chart.threshold is None) == (asked.threshold is None)


def line_of_one(name: str, *differing: str) -> Series:
    return Series(name=name, points=((AT.timestamp(), 14.2),), differing_labels=differing)


def test_series_that_are_not_surely_the_alert_s_are_told_of() -> None:
    note = enrichment_notes.chart_note(group(), query("errors > 10"), [line_of_one("s", "environment", "pod")], [], AT)
    assert list(note.lines) == ["No series has all labels of the alert; drawn are those with other values of environment, pod."]


@pytest.mark.parametrize(
    ("expression", "values", "said"),
    [
        ("errors > 10", [14.2], "14.2 (limit 10)"),
        ("errors > 10", [14.2, 3.0], "14.2 (limit 10)"),
        ("errors > 10", [14.2, 15.0], ""),
        ("errors > 10", [3.0], ""),
        ("up == 0", [1.0], ""),
        ("errors or b", [14.2], "14.2"),
        ("errors or b", [14.2, 15.0], ""),
    ],
)
def test_of_series_that_are_not_surely_the_alert_s_only_the_one_that_fires_counts(
    expression: str, values: list[float], said: str
) -> None:
    samples = [Sample({"pod": f"p{number}"}, value, ("environment",)) for number, value in enumerate(values)]
    assert enrichment_notes.value_of(query(expression), samples) == said
