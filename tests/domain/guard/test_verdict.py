"""The verdict on a deploy: which numbers make it worse, and which can never do so."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.guard.comparison import Baselines, Comparison
from domain.guard.verdict import Verdict, explain, judge, needed_for_worse, overall
from domain.metrics.slo import Reading
from domain.rich_text import plain_text

NO_DATA = "(hour before no data, yesterday no data, last week no data; 4,120 requests)"
AS_BEFORE = "is beyond its limit as it was before"
HARDLY = "is beyond its limit, and not 1.5 times as bad as before"
NO_HOUR = "is beyond its limit, and the hour before is not known"


def reading(value: float | None, requests: float | None = 4120) -> Reading:
    return Reading(value=value, requests=requests)


def errors(now: Reading, *before: float | None, **more: object) -> Comparison:
    """Errors in per cent, below 1."""
    known = [reading(each) for each in (*before, *(before[-1:] * (3 - len(before))))]
    values = {"objective": "errors", "service": "web", "unit": "%", "limit": 1.0, "is_upper": True} | more
    return Comparison(now=now, before=Baselines(*known), **values)  # type: ignore[arg-type]


def throughput(now: float, before: float) -> Comparison:
    return errors(reading(now), before, objective="throughput", unit="/min", limit=1000.0, is_upper=False)


def availability(now: float, before: float) -> Comparison:
    return errors(reading(now), before, objective="availability", limit=99.9, is_upper=False)


@pytest.mark.parametrize(
    ("limit", "is_upper", "before", "now"),
    [(0.0, False, -10.0, -8.0), (-5.0, True, -2.0, -2.5), (0.0, True, 0.0, 0.0), (1.0, True, 5.0, 5.0)],
)
def test_what_got_no_worse_is_not_worse(limit: float, is_upper: bool, before: float, now: float) -> None:  # noqa: FBT001
    (finding,) = judge([errors(reading(now), before, limit=limit, is_upper=is_upper)], 200)
    assert finding.verdict is not Verdict.WORSE


@pytest.mark.parametrize(
    ("comparison", "sentence"),
    [
        (
            errors(reading(6.1), 0.3, 0.4, 0.2),
            "worse: errors of web 6.1 % (hour before 0.3, yesterday 0.4, last week 0.2; 4,120 requests)",
        ),
        (errors(reading(0.4), 0.3), "well: errors of web 0.4 % (hour before 0.3, yesterday 0.3, last week 0.3; 4,120 requests)"),
        (errors(reading(6.1, 12), 0.3), "cannot tell: errors of web: 12 requests, 200 are needed"),
        (errors(reading(6.1, 1), 0.3), "cannot tell: errors of web: 1 request, 200 are needed"),
        (errors(reading(6.1, 0), 0.3), "cannot tell: errors of web: 0 requests, 200 are needed"),
        (errors(reading(6.1, None), 0.3), "cannot tell: errors of web: the number of requests is not known"),
        (errors(reading(None), 0.3), "cannot tell: errors of web: no data"),
        (
            errors(Reading(problem="Prometheus did not answer in time."), 0.3),
            "cannot tell: errors of web: Prometheus did not answer in time.",
        ),
        (
            errors(reading(6.1), None),
            f"cannot tell: errors of web 6.1 % is beyond its limit, and nothing before can be compared with it {NO_DATA}",
        ),
        (
            errors(reading(6.1), 0.3, 5.9, 0.2),
            f"well: errors of web 6.1 % {AS_BEFORE} (hour before 0.3, yesterday 5.9, last week 0.2; 4,120 requests)",
        ),
        (
            errors(reading(6.1), 0.3, None, 0.2),
            "worse: errors of web 6.1 % (hour before 0.3, yesterday no data, last week 0.2; 4,120 requests)",
        ),
        (
            errors(reading(1.3), 0.9, 0.8, 0.7),
            f"cannot tell: errors of web 1.3 % {HARDLY} (hour before 0.9, yesterday 0.8, last week 0.7; 4,120 requests)",
        ),
        (
            errors(reading(6.1), None, 0.4, 0.2),
            f"cannot tell: errors of web 6.1 % {NO_HOUR} (hour before no data, yesterday 0.4, last week 0.2; 4,120 requests)",
        ),
        (
            availability(70, 99.95),
            "worse: availability of web 70 % (hour before 99.95, yesterday 99.95, last week 99.95; 4,120 requests)",
        ),
        (
            replace(errors(reading(6.1), 0.3), now=Reading(value=6.1, requests=4120, series=3)),
            "cannot tell: errors of web: the expression has 3 values, and one is needed",
        ),
        (
            throughput(400, 1400),
            "worse: throughput of web 400/min (hour before 1,400, yesterday 1,400, last week 1,400; 4,120 requests)",
        ),
        (
            throughput(400, 500),
            f"well: throughput of web 400/min {AS_BEFORE} (hour before 500, yesterday 500, last week 500; 4,120 requests)",
        ),
    ],
)
def test_the_sentence(comparison: Comparison, sentence: str) -> None:
    assert plain_text(explain(judge([comparison], 200))) == sentence


def test_hours_with_few_requests_are_compared_with_nothing() -> None:
    before = Baselines(reading(0.1, 12), reading(0.1, None), Reading(problem="down"))
    (finding,) = judge([errors(reading(6.1), 0.0)], 200)
    assert finding.verdict is Verdict.WORSE
    comparison = errors(reading(6.1), 0.0)
    (finding,) = judge(
        [Comparison(objective="errors", service="web", unit="%", limit=1, is_upper=True, now=comparison.now, before=before)], 200
    )
    assert finding.verdict is Verdict.CANNOT_TELL


def test_an_hour_before_of_which_only_a_part_may_have_been_read_is_compared_with_nothing() -> None:
    partly = replace(reading(0.1), problem="what was read may be incomplete")
    whole = errors(reading(6.1), 0.3)
    (finding,) = judge([replace(whole, before=replace(whole.before, hour_before=partly))], 200)
    assert finding.verdict is Verdict.CANNOT_TELL


def test_one_that_is_worse_decides_and_one_that_nothing_measures_does_not() -> None:
    nothing = Reading()
    never = replace(errors(nothing, None, objective="cache-hits"), before=Baselines())
    unused = errors(reading(None, 0), None)
    well, worse, unknown = errors(reading(0.4), 0.3), errors(reading(6.1), 0.3), errors(reading(None), 0.3)
    assert overall(judge([well, never], 200)) is Verdict.WELL
    assert overall(judge([well, worse, unknown], 200)) is Verdict.WORSE
    assert overall(judge([well, unknown], 200)) is Verdict.CANNOT_TELL
    assert overall(judge([well, unused], 200)) is Verdict.CANNOT_TELL
    assert overall(judge([never], 200)) is Verdict.CANNOT_TELL
    assert overall(judge([], 200)) is Verdict.CANNOT_TELL


def test_what_would_have_been_worse() -> None:
    assert needed_for_worse([errors(reading(0.4), 0.3), throughput(1400, 1400)]) == (
        "Worse would be errors of web at 1 % or more or throughput of web at 1,000/min or less, "
        "and 1.5 times as bad as at every time before."
    )


_NUMBER = st.none() | st.floats(0, 1e6)
_READING = st.builds(Reading, value=_NUMBER, requests=st.none() | st.floats(0, 1e5), problem=st.sampled_from(["", "down"]))


@given(st.builds(Baselines, _READING, _READING, _READING), _READING, st.booleans())
def test_too_little_never_makes_it_worse(before: Baselines, now: Reading, is_upper: bool) -> None:  # noqa: FBT001
    comparison = Comparison(objective="errors", service="web", unit="%", limit=1.0, is_upper=is_upper, now=now, before=before)
    (finding,) = judge([comparison], 200)
    known = (each for _, each in before.named() if not each.problem and each.value is not None)
    knows_before = any((each.requests or 0) >= 200 for each in known)
    if now.problem or now.value is None or (now.requests or 0) < 200 or not knows_before:
        assert finding.verdict is not Verdict.WORSE
