"""What Prometheus shows of a rule since the resolution, in the words that people read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from domain.alerts.alerts import Alert, AlertGroup, GrafanaDetails
from domain.incidents.proof import Evidence, Finding, Window
from domain.incidents.proof_of_rules import WatchedRule, judge_limit, judge_record, watched_rules
from domain.metrics.charts import Series
from domain.metrics.samples import Sample
from domain.rich_text import plain_text
from tests.harness.fakes.clock import NOW
from tests.harness.samples.alerts import group

SINCE = NOW - timedelta(minutes=30)
WINDOW = Window(SINCE, NOW)
STEP = 10


def an_alert(expression: str = "error_ratio > 10", name: str = "HighErrorRate", **labels: str) -> Alert:
    url = f"http://prometheus.example/graph?g0.expr={quote(expression)}&g0.tab=1" if expression else ""
    return Alert(
        fingerprint=f"fp-{name}-{labels}",
        firing=False,
        labels={"alertname": name, **labels},
        annotations={},
        starts_at=SINCE - timedelta(minutes=20),
        ends_at=SINCE,
        generator_url=url,
    )


def rule(expression: str = "error_ratio > 10", **labels: str) -> WatchedRule:
    (found,) = watched_rules([(group(), [an_alert(expression, **labels)])], WINDOW)
    return found


def values(*pieces: tuple[float, float | None], name: str = "value", differing: tuple[str, ...] = ()) -> Series:
    """A line: each piece is minutes, and the value in that time; None for no samples. It ends where the pieces end."""
    points, at = [], SINCE.timestamp()
    for minutes, value in pieces:
        end = at + minutes * 60
        while at <= end:
            if value is not None:
                points.append((at, value))
            at += STEP
    return Series(name=name, points=tuple(points), differing_labels=differing)


def judged(series: Sequence[Series], expression: str = "error_ratio > 10") -> Evidence:
    watched = rule(expression)
    assert watched.measurable is not None
    return judge_limit(watched, watched.measurable, series, WINDOW)


GOOD = values((30, 0.4))
GONE = "no value is not a good one."


@pytest.mark.parametrize(
    ("series", "finding", "said"),
    [
        ([GOOD], Finding.SHOWN, "HighErrorRate 0.4 (limit 10), inside it for 30 min, 0.4 at most."),
        (
            [values((10, 0.9), (20, 0.4))],
            Finding.SHOWN,
            "HighErrorRate 0.4 (limit 10), inside it for 30 min, 0.9 at most.",
        ),
        ([values((30, 10.0))], Finding.SHOWN, "HighErrorRate 10 (limit 10), inside it for 30 min, 10 at most."),
        (
            [values((30, 0.4)), values((30, 3.0), name="other")],
            Finding.SHOWN,
            "HighErrorRate 3 (limit 10), inside it for 30 min, 3 at most.",
        ),
        (
            [values((25, 0.4), (5, 14.2))],
            Finding.REFUTED,
            "HighErrorRate 14.2 (limit 10), beyond it now; 14.2 at worst since the resolution.",
        ),
        (
            [values((30, 0.4)), values((29, 0.4), (1, 14.2), name="other")],
            Finding.REFUTED,
            "HighErrorRate 14.2 (limit 10), beyond it now; 14.2 at worst since the resolution.",
        ),
        (
            [values((6, 14.2), (24, 0.4))],
            Finding.REFUTED,
            "HighErrorRate 0.4 (limit 10), inside it for 24 min only: beyond it until 2026-11-23 13:38 UTC, 14.2 at worst.",
        ),
        ([], Finding.UNKNOWN, f"HighErrorRate: its expression has had no value since the resolution, and {GONE}"),
        (
            [Series(name="v", points=((SINCE.timestamp(), None), (NOW.timestamp(), None)))],
            Finding.UNKNOWN,
            f"HighErrorRate: its expression has had no value since the resolution, and {GONE}",
        ),
        (
            [values((10, 0.4), (12, None), (8, 0.5))],
            Finding.UNKNOWN,
            "HighErrorRate 0.5 (limit 10), never beyond it, but there are no samples for 12 min of 30 min.",
        ),
        (
            [values((18, 0.4))],
            Finding.UNKNOWN,
            "HighErrorRate (limit 10), never beyond it, but there are no samples for 12 min of 30 min.",
        ),
        (
            [values((10, None), (20, 0.4))],
            Finding.UNKNOWN,
            "HighErrorRate 0.4 (limit 10), never beyond it, but there are no samples for 10 min of 30 min.",
        ),
        ([values((10, 0.4), (1, None), (19, 0.4))], Finding.SHOWN, "inside it for 30 min"),
        (
            [values((30, 0.4), name="instance=a"), values((12, 0.4), name="instance=b")],
            Finding.UNKNOWN,
            "HighErrorRate 0.4 (limit 10), never beyond it, but 1 of 2 series ended early.",
        ),
        (
            [values((30, 0.4), name="pod=new"), values((12, 0.4), name="pod=old")],
            Finding.SHOWN,
            "HighErrorRate 0.4 (limit 10), inside it for 30 min, 0.4 at most.",
        ),
        (
            [values((30, 0.4), differing=("pod", "instance"))],
            Finding.SHOWN,
            "HighErrorRate 0.4 (limit 10), inside it for 30 min, 0.4 at most; the pods that it fired for are gone.",
        ),
        (
            [values((30, 0.4), differing=("service",))],
            Finding.UNKNOWN,
            "never beyond it, but the alert's own series is gone: what is measured has another service.",
        ),
        (
            [values((30, 0.4), differing=("instance",))],
            Finding.UNKNOWN,
            "never beyond it, but the alert's own series is gone: what is measured has another instance.",
        ),
    ],
)
def test_a_rule_is_compared_with_its_limit(series: list[Series], finding: Finding, said: str) -> None:
    evidence = judged(series)
    assert (evidence.finding, evidence.may_pass) == (finding, False)
    assert said in plain_text(evidence.detail)


@pytest.mark.parametrize(
    ("expression", "value", "finding", "said"),
    [
        ("free_gigabytes < 5", 7.5, Finding.SHOWN, "HighErrorRate 7.5 (limit 5), inside it for 30 min, 7.5 at least."),
        ("free_gigabytes < 5", 3.0, Finding.REFUTED, "3 (limit 5), beyond it now"),
        ("up == 0", 1.0, Finding.SHOWN, "HighErrorRate 1 (fires at 0), inside it for 30 min."),
        ("up == 0", 0.0, Finding.REFUTED, "0 (fires at 0), beyond it now"),
        ("up != 1", 1.0, Finding.SHOWN, "HighErrorRate 1 (fires unless 1), inside it for 30 min."),
        ("up != 1", 0.0, Finding.REFUTED, "0 (fires unless 1), beyond it now"),
        ("10 < error_ratio", 14.2, Finding.REFUTED, "14.2 (limit 10), beyond it now"),
        ("3 <= error_ratio < 20", 1.0, Finding.SHOWN, "1 (limit 20), inside it for 30 min"),
        ("3 <= error_ratio < 20", 30.0, Finding.SHOWN, "30 (limit 20), inside it for 30 min"),
        ("3 <= error_ratio < 20", 4.0, Finding.REFUTED, "4 (limit 20), beyond it now"),
        ("error_ratio * 100 >= 10", 10.0, Finding.REFUTED, "10 (limit 10), beyond it now"),
    ],
)
def test_each_comparison_has_its_own_inside(expression: str, value: float, finding: Finding, said: str) -> None:
    evidence = judged([values((30, value))], expression)
    assert evidence.finding is finding
    assert said in plain_text(evidence.detail)


def test_the_headline_has_the_value_and_the_limit_alone() -> None:
    assert judged([GOOD]).brief == "HighErrorRate 0.4 (limit 10)"
    assert judged([]).brief == "HighErrorRate"


def test_a_long_watch_is_measured_in_longer_steps_without_gaps() -> None:
    window = Window(NOW - timedelta(days=2), NOW)
    points = tuple((window.since.timestamp() + number * 723.0, 0.4) for number in range(240))
    watched = rule()
    assert watched.measurable is not None
    evidence = judge_limit(watched, watched.measurable, [Series(name="v", points=points)], window)
    assert evidence.finding is Finding.SHOWN
    assert "inside it for 2 days" in plain_text(evidence.detail)


@pytest.mark.parametrize(
    "expression", ["a > b", "error_ratio > 10 or latency > 2", "absent(up)", "error_ratio > bool 10", "x > Inf"]
)
def test_what_no_number_limits_is_not_compared(expression: str) -> None:
    assert rule(expression).measurable is None


FIRED_BEFORE = Sample({"alertname": "HighErrorRate"}, SINCE.timestamp() - 60)
SCRAPED = [values((30, 12.0))]


def recorded(
    *fired: Sample, held: Sequence[Series] = (), scraped: Sequence[Series] = SCRAPED, expression: str = "a > b"
) -> Evidence:
    return judge_record(rule(expression), fired, held, scraped, WINDOW)


@pytest.mark.parametrize(
    ("evidence", "finding", "said"),
    [
        (
            recorded(FIRED_BEFORE),
            Finding.SHOWN,
            "its condition held at no time. No number is its limit: the rule compares with no single number.",
        ),
        (
            recorded(FIRED_BEFORE, expression="absent(up)"),
            Finding.SHOWN,
            "HighErrorRate did not fire for 30 min, by Prometheus' own record, and its condition held at no time.",
        ),
        (
            recorded(replace(FIRED_BEFORE, value=SINCE.timestamp() + 360)),
            Finding.REFUTED,
            "HighErrorRate fired after the resolution, last at 2026-11-23 13:38 UTC.",
        ),
        (
            recorded(FIRED_BEFORE, held=[values((2, None), (3, 1.0))]),
            Finding.REFUTED,
            "HighErrorRate did not fire, but its condition held, last at 2026-11-23 13:37 UTC.",
        ),
        (
            recorded(FIRED_BEFORE, held=[values((30, 1.0), differing=("service",))]),
            Finding.SHOWN,
            "HighErrorRate did not fire for 30 min",
        ),
        (
            recorded(),
            Finding.UNKNOWN,
            "HighErrorRate: Prometheus has no record of it firing before, so its silence since then shows nothing.",
        ),
        (
            recorded(replace(FIRED_BEFORE, differing_labels=("service",))),
            Finding.UNKNOWN,
            "Prometheus has no record of it firing before but with another service, so its silence",
        ),
        (
            recorded(FIRED_BEFORE, scraped=[]),
            Finding.UNKNOWN,
            "HighErrorRate did not fire, but Prometheus itself was not scraping: there are no samples for 30 min of 30 min.",
        ),
        (
            recorded(FIRED_BEFORE, scraped=[values((10, 12.0), (10, None), (10, 12.0))]),
            Finding.UNKNOWN,
            "there are no samples for 10 min of 30 min.",
        ),
    ],
)
def test_a_rule_without_a_limit_is_judged_by_what_was_recorded(evidence: Evidence, finding: Finding, said: str) -> None:
    assert evidence.finding is finding
    assert said in plain_text(evidence.detail)


def names_of(*groups: tuple[AlertGroup, Sequence[Alert]]) -> Mapping[str, str]:
    return {rule.name: rule.expression for rule in watched_rules(groups, WINDOW)}


def test_each_rule_of_a_group_is_measured() -> None:
    slow = an_alert("latency > 2", "HighLatency")
    assert names_of((group(), [an_alert(pod="a"), an_alert(pod="b"), slow])) == {
        "HighErrorRate": "error_ratio > 10",
        "HighLatency": "latency > 2",
    }


def test_one_rule_in_two_groups_is_named_with_its_services() -> None:
    cache = group(id="al-2", service="deep-echo-cache")
    assert list(names_of((group(), [an_alert()]), (cache, [an_alert()]))) == [
        "HighErrorRate of deep-echo-main",
        "HighErrorRate of deep-echo-cache",
    ]


def test_a_group_whose_alerts_are_no_longer_stored_is_measured_by_its_examples() -> None:
    assert list(names_of((group(examples=(an_alert(),)), []))) == ["HighErrorRate"]


def test_the_labels_of_a_query_are_those_that_the_alerts_of_the_rule_share() -> None:
    (found,) = watched_rules([(group(), [an_alert(pod="a", service="x"), an_alert(pod="b", service="x")])], WINDOW)
    assert found.labels == {"alertname": "HighErrorRate", "service": "x"}
    assert found.query is not None
    assert (found.query.since, found.query.until) == (SINCE, NOW)


def test_what_grafana_evaluates_has_no_query() -> None:
    alert = replace(an_alert(""), grafana=GrafanaDetails())
    (found,) = watched_rules([(group(), [alert])], WINDOW)
    assert (found.is_grafana, found.query) == (True, None)
