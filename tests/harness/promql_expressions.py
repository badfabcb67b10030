"""Expressions in PromQL, and what another reader of PromQL says of them, to compare ``domain.metrics.promql`` with."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


Reader = Callable[[str], Node | None]
"""None for what is no PromQL."""
Said = tuple[str, str, float, bool]
_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}


def agree(expression: str, read: Reader) -> bool:
    """Whether it is PromQL. Fails where the reader finds another limit, or another thing that is measured."""
    node = read(expression)
    if node is None:
        return False
    found, expected = split_threshold(expression), limit_of(node)
    assert _said(found, read) == expected
    if found:
        joined = read(found.expression)
        assert joined is not None
        assert limit_of(joined) == expected
    return True


def limit_of(node: Node) -> Said | None:
    """What is measured, how it is compared, with what, and whether the answer is 0 or 1."""
    while node.inside:
        node = node.inside
    if node.operator not in set(Comparison):
        return None
    left, right = node.sides
    limits = [left.number, right.number]
    measured = right if left.number is not None else left
    limit = next((each for each in limits if each is not None), math.nan)
    if None not in limits or math.isnan(limit) or measured.operator in set(Comparison):
        return None
    operator = _TURNED.get(node.operator, node.operator) if measured is right else node.operator
    return measured.said, operator, limit, node.boolean


def _said(threshold: Threshold | None, read: Reader) -> Said | None:
    if threshold is None:
        return None
    left = read(threshold.left)
    assert left is not None
    return left.said, str(threshold.comparison), threshold.limit, threshold.boolean


def of_promql_parser(tree: Any) -> Node:
    """From the classes of promql-parser."""
    kind, said = type(tree).__name__, str(tree)
    if kind == "NumberLiteral":
        return Node(said, number=tree.val)
    if kind in {"ParenExpr", "UnaryExpr"}:
        return _around(said, "-" if kind == "UnaryExpr" else "", of_promql_parser(tree.expr))
    if kind == "BinaryExpr":
        boolean = bool(tree.modifier and tree.modifier.return_bool)
        return Node(said, operator=str(tree.op), sides=(of_promql_parser(tree.lhs), of_promql_parser(tree.rhs)), boolean=boolean)
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
        return Node(said(tree), operator=tree["op"], sides=sides, boolean=tree["bool"])
    return Node(said(tree))


def _around(said: str, sign: str, inner: Node) -> Node:
    number = None if inner.number is None else -inner.number if sign == "-" else inner.number
    return Node(said, number=number, inside=None if sign else inner)
