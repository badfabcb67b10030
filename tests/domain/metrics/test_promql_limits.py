"""Limits that are calculated, chained or conditional, and why some rules have none to draw."""

import math

import pytest

from domain.metrics.promql import Comparison, Threshold, split_threshold, why_no_limit


@pytest.mark.parametrize("expression", ["x > bool 5", "x>bool(5)", "5 < BOOL x", "(x > bool 5)"])
def test_a_yes_or_no_stays_one(expression: str) -> None:
    threshold = split_threshold(expression)
    assert threshold == Threshold("x", Comparison.ABOVE, 5, boolean=True)
    assert threshold.expression == "x > bool 5"


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "x",
        "5",
        "x > y",
        "x > 5 OR y",
        "x > 5 and y or z > 3",
        "x > 5 and",
        "and x > 5",
        "y and x > 5",
        "y or x > 5",
        "y unless on(job) x > 5",
        "(x > 5) + 1",
        "1 < bool 2",
        "1 < bool 2 < x",
        "x > bool 5 == 1",
        "3 <= x < bool 20",
        "x > y > 5",
        "x > 1 / 0",
        "5 > bool 1 / 0",
        "x > 2 ^ 1e9",
        "x > 5 *",
        "x > * 5",
        "x > 5 (2)",
        "x > (5 + 2",
        "x > 5 + 2)",
        "x > ()",
        "x > 2 ** 3",
        "x > NaN",
        "x > 5 + y",
        "x > on() 5",
        "x > 5 6",
        "x > '5'",
        "x > five",
        "x > 0xfffffffffffffffffffffffff",
        "x > 1e400",
        "x > 300y",
        "x > 1__0",
        "x > 1_",
        "> 5",
        "x >",
        "x => 5",
        "x = 5",
        "x =~ 5 > 1",
        "(x > 5",
        "x) > (5",
        "x > 5)",
        "x[5m) > 5",
        'x{a="b} > 5',
        'x{a="\n"} > 5',
        "absent(x)",
        "# x > 5",
    ],
)
def test_what_has_no_limit_of_its_own(expression: str) -> None:
    assert split_threshold(expression) is None


@pytest.mark.parametrize(
    ("expression", "left", "limits"),
    [
        ("3 <= days_left < 20", "days_left", [(">=", 3), ("<", 20)]),
        ("days_left < 20 >= 3", "days_left", [("<", 20), (">=", 3)]),
        ("2 * 3 < x != 8 < 10 ^ 2", "x", [(">", 6), ("!=", 8), ("<", 100)]),
        ("vector(1) > 1 > 0", "vector(1)", [(">", 1), (">", 0)]),
    ],
)
def test_the_limits_of_a_chain(expression: str, left: str, limits: list[tuple[str, float]]) -> None:
    threshold = split_threshold(expression)
    assert threshold is not None
    assert threshold.left == left
    assert [*threshold.inner_limits, (threshold.comparison, threshold.limit)] == limits
    assert split_threshold(threshold.expression) == threshold


@pytest.mark.parametrize(
    ("expression", "condition"),
    [
        ("x > 5 and y > 3", "and y > 3"),
        ("5 < x And y", "And y"),
        ("x > 5 unless on() y", "unless on() y"),
        ("(x > 5) and (y > 3)", "and (y > 3)"),
        ("((x > 5 and a) unless b) and on (job) c", "and a unless b and on (job) c"),
        ("x > 5 and (y or z)", "and (y or z)"),
    ],
)
def test_the_limit_of_what_has_conditions_besides(expression: str, condition: str) -> None:
    threshold = split_threshold(expression)
    assert threshold == Threshold("x", Comparison.ABOVE, 5, condition=condition)
    assert split_threshold(threshold.expression) == threshold


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("a > 5 or b > 3", "the rule has alternatives (or), each with a limit of its own"),
        ("(a > 5 and c) or b", "the rule has alternatives (or), each with a limit of its own"),
        ("a > b", "the rule compares with no single number"),
        ("a and b > 5", "the rule compares with no single number"),
        ("x > bool 5 == 1", "the rule compares with no single number"),
        ("x > 5", ""),
        ("3 <= x < 20 and y", ""),
        ("absent(up == 1)", ""),
        ("up", ""),
        ("(up", ""),
        ("", ""),
    ],
)
def test_why_there_is_no_limit_to_draw(expression: str, why: str) -> None:
    assert why_no_limit(expression) == why


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("0.9 * 1000", 900),
        ("60 * 60 * 48", 172800),
        ("( 25 / 100 )", 0.25),
        ("86400 * 7", 604800),
        ("1e+9 * 0.90", 900_000_000),
        ("1h * 2 + 5m", 7500),
        ("10 - 2 - 3", 5),
        ("100 / 10 / 5", 2),
        ("-2 ^ 2", -4),
        ("2 ^ 3 ^ 2", 512),
        ("2 ^ -1 * 3", 1.5),
        ("-7 % 3", -1),
        ("2 * (3 + 4) * -(5 - 6)", 14),
        ("- - + 5", 5),
        ("1 ATAN2 1", math.pi / 4),
        ("Inf - 5", math.inf),
    ],
)
def test_a_limit_that_is_calculated(limit: str, value: float) -> None:
    for expression in (f"x > {limit}", f"x > ({limit})", f"{limit} < x"):
        assert split_threshold(expression) == Threshold("x", Comparison.ABOVE, value)


@pytest.mark.parametrize(
    ("limit", "written"),
    [("10", "10"), ("-0.05", "-0.05"), ("1e30", "1e+30"), ("Inf", "Inf"), ("-Inf", "-Inf"), ("1e-9", "1e-09"), ("0", "0")],
)
def test_the_limit_in_words(limit: str, written: str) -> None:
    threshold = split_threshold(f"x > {limit}")
    assert threshold is not None
    assert threshold.expression == f"x > {written}"
