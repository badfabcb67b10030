"""Expressions in PromQL, and what another reader of PromQL says of them, to compare ``domain.metrics.promql`` with."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml
from hypothesis import strategies as st

from domain.metrics.promql import Comparison, Threshold, split_threshold
from sandbox.monitoring.prometheus import alert_rules

WRITTEN = [
    "histogram_quantile(0.95, rate(flask_http_request_duration_seconds_bucket[5m])) > 1.0",
    "1 - avg by (instance) (rate(node_cpu_seconds_total{mode='idle'}[5m])) > 0.9 # per node",
    '(node_filesystem_avail_bytes{fstype!~"tmpfs|overlay"} * 100) / node_filesystem_size_bytes < 10',
    "(up == 0)",
    'absent(up{job="api"} == 1)',
    "predict_linear(node_filesystem_free_bytes[6h], 4 * 3600) < 0",
    "probe_ssl_earliest_cert_expiry - time() < 86400 * 7",
    "time() - container_last_seen > 1h30m",
    "3 <= days_left < 20",
    "rate(errors_total[5m]) > 0.1 and rate(requests_total[5m]) > 1",
    "sum by (job) (rate(x[5m])) / on (job) group_left () sum by (job) (rate(y[5m])) >= bool 0.01",
    "kube_deployment_spec_replicas != kube_deployment_status_replicas_available",
    "max_over_time((sum(x) > 3)[1h:5m]) > 2",
    "sum(x offset 1w) / sum(x) > 2 unless on () vector(1) == 1",
    "-Inf < -(-x) ^ 2",
    'count_values("version", build_info) > bool ((+1))',
    'label_replace(up, "a", "$1 > 2", "b", "(.*)") == 0',
    'ALERTS{alertname="a\\"b > 1"} > 0',
    "sum > 5",
    '{"my.metric", a=`}`} > 5',
    "x @ end() > 5",
    "scalar(x) > bool 1",
    "x > 5 == 3",
    "x + (y > 5)",
    "2 > bool 1",
    "5 > bool 1 / 0",
    "queue_length > 0.9 * 1000",
    "time() - last_backup_seconds > 60 * 60 * 48",
    "sum(a) / sum(b) > ( 25 / 100 )",
    "tx * 8 > 1e+9 * 0.90",
    "x > -2 ^ 2 + 2 ^ -1 ^ 2 * 3",
    "x > 7 % 4 - (1 atan2 2) / -3",
    "x > 1 - - 1",
    "days_left >= 3 < 20",
    "3 <= days_left < bool 20",
    "5 < x > 3 != 4",
    "1 < bool 2 < x",
    "a > b > 5",
    "a > 14.4 * 0.001 and b > 14.4 * 0.001",
    "(a > 5 and on (job) b) unless ignoring (pod) (c == 1)",
    "a > 5 unless b or c",
    "a > 5 and b or c > 3",
    "a and b > 5",
]
"""As people write them, and as nobody should."""


def of_the_sandbox() -> Iterator[str]:
    """The expressions of its alert rules."""
    for group in yaml.safe_load(alert_rules())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


_NUMBERS = st.sampled_from(
    [
        "0",
        "5",
        "-1",
        "+.5",
        "5.",
        "1e3",
        "1.5E-3",
        "0x1F",
        "010",
        "089",
        "Inf",
        "-inf",
        "NaN",
        "5m",
        "1h30m",
        "-(2)",
        "((3))",
        "- -4",
        "0.9 * 1000",
        "60 * 60 * 48",
        "( 25 / 100 )",
        "-2 ^ 2",
        "2 ^ -1 ^ 2",
        "7 % 3 - 1",
        "1 / 0",
        "(1 + 2) * -3",
    ]
)
LITERALS = st.one_of(
    _NUMBERS,
    st.floats(allow_nan=False).map(lambda value: repr(value).replace("inf", "Inf")),
    st.from_regex(r"[0-9]{1,3}[0-9_.xXeEhmsdwy+-]{0,6}", fullmatch=True),
    st.from_regex(r"0[xX]?[0-9a-fA-F_]{1,20}", fullmatch=True),
    st.from_regex(r"[0-9_]{1,25}(\.[0-9_]{0,3})?([eE][+-]?[0-9_]{1,3})?", fullmatch=True),
)
"""Mostly numbers."""

_BLANK = st.sampled_from([" ", "\n", "\t ", " # x > 1 and y\n"])
_SELECTORS = st.sampled_from(
    [
        "x",
        "job:x:rate5m",
        'x{a="1 > 2"}',
        "x{a!='#',b=~`\"`}",
        "{a='b'}",
        "x offset 5m",
        "x offset -1h @ 10",
        "x @ start()",
        "bool",
        "by",
    ]
)
_WRAPPED = st.sampled_from(
    [
        "({})",
        "-{}",
        "abs({})",
        "sum by (a, b) ({})",
        "topk(3, {})",
        "max_over_time({}[5m:])",
        "vector(scalar({}))",
        "sum({}) without (a)",
    ]
)
_ARITHMETIC = st.sampled_from([*"+-*/%^", "atan2"])
_MATCHING = st.sampled_from(["", "", "on (a)", "ignoring (a)", "on () group_left (b)"])
_SETS = st.sampled_from(["and", "or", "UNLESS", "and on (a)", "unless ignoring (a)"])
_COMPARISONS = st.sampled_from([*Comparison, *(f"{each} bool" for each in Comparison), ">BOOL"])
_COMPARED = "{}{}{}{}{}".format


def _larger(vector: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    between_vectors = st.builds("{} {}".format, _ARITHMETIC | _COMPARISONS, _MATCHING) | _SETS
    with_a_number = st.builds(_COMPARED, vector, _BLANK, _ARITHMETIC | _COMPARISONS, _BLANK, _NUMBERS)
    return st.one_of(
        st.builds(str.format, _WRAPPED, vector),
        st.builds(_COMPARED, vector, _BLANK, between_vectors, _BLANK, vector),
        with_a_number,
        st.builds(_COMPARED, _NUMBERS, _BLANK, _ARITHMETIC | _COMPARISONS, _BLANK, vector),
        st.builds("({})".format, with_a_number),
    )


EXPRESSIONS = st.recursive(_SELECTORS, _larger, max_leaves=6)
"""Mostly PromQL."""


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of an expression as another reader has it. ``said`` is equal for pieces that mean the same."""

    said: str
    number: float | None = None
    inside: "Node | None" = None
    """Of parentheses."""
    operator: str = ""
    sides: "tuple[Node, ...]" = ()
    boolean: bool = False
    matching: str = ""
    """Of a binary operator: ``on``, ``ignoring`` and what belongs to them."""


Reader = Callable[[str], Node | None]
"""None for what is no PromQL."""
Limits = tuple[tuple[str, float], ...]
Said = tuple[str, Limits, bool, tuple[tuple[str, str, str], ...]]
"""What is measured, how it is compared with which numbers, whether the answer is 0 or 1, and the conditions besides."""
_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}


def agree(expression: str, read: Reader) -> bool:
    """Whether it is PromQL. Fails where the reader finds another limit, or another thing that is measured."""
    node = read(expression)
    if node is None:
        return False
    found, expected = split_threshold(expression), limit_of(node)
    assert _said(found, read) == (expected[:3] if expected else None)
    if found:
        joined = read(found.expression)
        assert joined is not None
        assert limit_of(joined) == expected
    return True


def limit_of(node: Node) -> Said | None:
    """What the rule compares with numbers, from the tree of another reader."""
    conditions: list[tuple[str, str, str]] = []
    while node.inside or node.operator in {"and", "unless"}:
        if node.inside is None:
            conditions.insert(0, (node.operator, node.matching, node.sides[1].said))
        node = node.inside or node.sides[0]
    chain: list[Node] = []
    while node.operator in set(Comparison):
        chain.insert(0, node)
        node = node.sides[0]
    operands = [node, *(each.sides[1] for each in chain)]
    measured = [place for place, each in enumerate(operands) if each.number is None]
    boolean = any(each.boolean for each in chain)
    if not chain or measured not in ([0], [1]) or (boolean and len(chain) > 1):
        return None
    limits = [(each.operator, number) for each in chain if (number := each.sides[1].number) is not None]
    if node.number is not None:
        limits.insert(0, (_TURNED.get(chain[0].operator, chain[0].operator), node.number))
    numbers: Limits = tuple(limits)
    if any(math.isnan(number) for _, number in numbers):
        return None
    return operands[measured[0]].said, numbers, boolean, tuple(conditions)


def _said(threshold: Threshold | None, read: Reader) -> tuple[str, Limits, bool] | None:
    if threshold is None:
        return None
    left = read(threshold.left)
    assert left is not None
    limits = [*threshold.inner_limits, (threshold.comparison, threshold.limit)]
    return left.said, tuple((str(comparison), limit) for comparison, limit in limits), threshold.boolean


def of_promql_parser(tree: Any) -> Node:
    """From the classes of promql-parser."""
    kind, said = type(tree).__name__, str(tree)
    if kind == "NumberLiteral":
        return Node(said, number=tree.val)
    if kind in {"ParenExpr", "UnaryExpr"}:
        return _around(said, "-" if kind == "UnaryExpr" else "", of_promql_parser(tree.expr))
    if kind == "BinaryExpr":
        boolean = bool(tree.modifier and tree.modifier.return_bool)
        sides = (of_promql_parser(tree.lhs), of_promql_parser(tree.rhs))
        matching = str(tree.modifier.matching) if tree.modifier else ""
        return _between(Node(said, operator=str(tree.op).lower(), sides=sides, boolean=boolean, matching=matching))
    return Node(said)


def of_prometheus(tree: Any, said: Callable[[Any], str]) -> Node:
    """From the JSON of Prometheus' ``parse_query``."""
    kind = tree["type"]
    if kind == "numberLiteral":
        return Node(said(tree), number=float(tree["val"]))
    if kind in {"parenExpr", "unaryExpr"}:
        return _around(said(tree), tree.get("op", ""), of_prometheus(tree["expr"], said))
    if kind == "binaryExpr":
        sides = (of_prometheus(tree["lhs"], said), of_prometheus(tree["rhs"], said))
        matching = said(tree.get("matching"))
        return _between(Node(said(tree), operator=tree["op"], sides=sides, boolean=tree["bool"], matching=matching))
    return Node(said(tree))


def _around(said: str, sign: str, inner: Node) -> Node:
    number = None if inner.number is None else -inner.number if sign == "-" else inner.number
    return Node(said, number=number, inside=None if sign else inner)


def _between(node: Node) -> Node:
    """With its value, where it is arithmetic between numbers."""
    left, right = (each.number for each in node.sides)
    if left is None or right is None or node.operator not in _CALCULATED:
        return node
    try:
        result = _CALCULATED[node.operator](left, right)
    except (ArithmeticError, ValueError):
        result = math.nan
    return replace(node, number=math.nan if isinstance(result, complex) else result)


_CALCULATED: dict[str, Callable[[float, float], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": math.fmod,
    "^": lambda left, right: left**right,
    "atan2": math.atan2,
}
