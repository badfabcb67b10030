"""What an expression compares with what, as promql-parser, another reader of PromQL, has it."""

import promql_parser
import pytest
from hypothesis import example, given, settings

from domain.metrics.promql import split_threshold
from tests.harness.promql_expressions import EXPRESSIONS, LITERALS, WRITTEN, Node, agree, of_promql_parser, of_the_sandbox

LONGEST_DURATION = 2**63 / 1e9
"""Seconds: as many nanoseconds as 64 bits count."""


def read(expression: str) -> Node | None:
    try:
        tree = promql_parser.parse(expression)
    except ValueError:
        return None
    # It takes 1e400 and calls it infinite. Prometheus refuses it.
    return None if "inf" in str(tree) and "inf" not in expression.lower() else of_promql_parser(tree)


@pytest.mark.parametrize("expression", [*WRITTEN, *of_the_sandbox()])
def test_of_what_people_write_the_limit_is_the_same(expression: str) -> None:
    assert agree(expression, read)


@given(EXPRESSIONS)
@settings(max_examples=300)
def test_of_any_expression_the_limit_is_the_same(expression: str) -> None:
    agree(expression, read)


@given(LITERALS)
@example("292y")
@example("300y")
@example("1E400")
def test_a_number_is_the_same(number: str) -> None:
    alone = read(number)
    is_duration = number.endswith(("y", "w", "d", "h", "m", "s")) and "x" not in number.lower()
    if is_duration and alone and abs(alone.number or 0) > LONGEST_DURATION:
        # It has no bound for durations. Prometheus has.
        assert split_threshold(f"x > {number}") is None
    else:
        agree(f"x > {number}", read)
