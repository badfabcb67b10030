import json
import math
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metrics.promql import MAX_EXPRESSION_LENGTH, Comparison, Threshold, expression_of, split_threshold


def graph(expression: str) -> str:
    return f"http://prometheus:9090/graph?g0.expr={quote_plus(expression)}&g0.tab=1"


def explore(**state: object) -> str:
    return "https://g.example/explore?" + urlencode({name: json.dumps(each) for name, each in state.items()})


@pytest.mark.parametrize(
    ("url", "expression"),
    [
        ("http://vm:19090/graph?g0.expr=demo_error_ratio+%3E+0.05&g0.tab=1", "demo_error_ratio > 0.05"),
        ("/graph?g0.tab=1&g0.expr=up%20%3D%3D%200", "up == 0"),
        (graph('rate(x{a="b&c=d"}[5m])\n> 1 # 5%'), 'rate(x{a="b&c=d"}[5m])\n> 1 # 5%'),
        (graph("first") + "&g0.expr=second&g1.expr=third", "first"),
        (graph("é"), "é"),
        (graph("x" * MAX_EXPRESSION_LENGTH), "x" * MAX_EXPRESSION_LENGTH),
        (graph("x" * (MAX_EXPRESSION_LENGTH + 1)), ""),
        (graph("x\x00y"), ""),
        (graph("x\x1b[31m"), ""),
        ("http://p/graph?g0.expr=\ud800", ""),
        ("http://p/graph?" + "a=1&" * 5000, ""),
        ("http://p/graph?" + "a" * 10_000_000, ""),
        ("http://[::1/graph?g0.expr=up", ""),
        ("https://grafana/alerting/grafana/abc/view?orgId=1", ""),
        ("http://p/graph?g0.expr=", ""),
        ("http://vm/vmui/#/?g0.expr=vector(3)%20%3E%201&g0.range_input=30m", "vector(3) > 1"),
        ("http://vm/select/0/vmui/?x=1#/?g1.expr=b&g0.expr=a", "a"),
        ("http://p/query?g0.expr=up&g0.show_tree=0", "up"),
        ("http://p/graph#" + quote_plus('[{"range_input":"1h","expr":"up == 0","tab":0}]'), "up == 0"),
        (explore(left=["now-1h", "now", "vm", {"expr": "up > 1"}]), "up > 1"),
        (explore(left=["now-1h", "now", "vm", {"mode": "Metrics"}, {"expr": "up > 1"}, {"ui": [True]}]), "up > 1"),
        (explore(left={"datasource": "vm", "queries": [{"refId": "A", "expr": "up > 1"}]}), "up > 1"),
        (explore(panes={"a": {"datasource": "vm", "queries": [{"refId": "A", "expr": "up > 1"}]}}), "up > 1"),
        (explore(left={"queries": [{"expr": "no", "hide": True}, {"expr": ""}, {"type": "math"}, {"expr": "up > 1"}]}), "up > 1"),
        (explore(left={"queries": [{"expr": "{a='b'} |= 1", "datasource": {"type": "loki", "uid": "x"}}]}), ""),
        (explore(panes={"a": {"datasource": {"type": "loki"}, "queries": [{"expr": "rate({a='b'}[5m])"}]}}), ""),
        (explore(panes={"a": {"queries": [{"expr": 5}, None, "x"]}, "b": None, "c": {"queries": {"expr": "x"}}}), ""),
        ("https://g/explore?left=%7Bnot+json", ""),
        ("https://g/explore?left=" + "[" * 50_000, ""),
        ("https://g/explore?left=1&panes=null", ""),
        ("http://vmalert:8880/vmalert/alert?group_id=1&alert_id=2", ""),
        (graph('"vector(3) > 1"'), "vector(3) > 1"),
        (graph("'up > 1'"), "up > 1"),
        (graph("`up > 1`"), "up > 1"),
        (graph(r'"rate(x{a=\"b\"}[5m]) > 1"'), 'rate(x{a="b"}[5m]) > 1'),
        (graph('"a" + "b"'), '"a" + "b"'),
        (graph(r'"\d"'), r"\d"),
        ("http://p/graph#g0.expr=up", ""),
        ("", ""),
    ],
)
def test_the_expression_in_an_address(url: str, expression: str) -> None:
    assert expression_of(url) == expression


@given(st.text())
def test_any_expression_comes_out_as_it_went_in(expression: str) -> None:
    wanted = expression.strip()
    if wanted[:1] == wanted[-1:] and wanted[:1] in {'"', "'", "`"}:
        return  # a text in quotes is no expression
    found = expression_of(graph(expression.encode(errors="replace").decode()))
    assert found in {wanted, ""}
    assert found or not wanted.isprintable() or not wanted


@pytest.mark.parametrize(
    ("expression", "left", "comparison", "limit"),
    [
        ("demo_error_ratio > 0.05", "demo_error_ratio", ">", 0.05),
        ("up==0", "up", "==", 0),
        ("x>=1e3", "x", ">=", 1000),
        ("x <= 1.5E-3", "x", "<=", 0.0015),
        ("x != -1", "x", "!=", -1),
        ("x < +Inf", "x", "<", math.inf),
        ("x > -inf", "x", ">", -math.inf),
        ("x > .5", "x", ">", 0.5),
        ("x > 5.", "x", ">", 5),
        ("x > 0x1F", "x", ">", 31),
        ("x > 010", "x", ">", 8),
        ("x > 089", "x", ">", 89),
        ("x > 1_000", "x", ">", 1000),
        ("x > 0x1_F", "x", ">", 31),
        ("x > 1_0.2_5e0_1", "x", ">", 102.5),
        ("x > 1_0.2_5e+0_1", "x", ">", 102.5),
        ("x > 07777777777777777777777777", "x", ">", 7777777777777777777777777.0),
        ("time() - x > 1h30m", "time() - x", ">", 5400),
        ("10 < x", "x", ">", 10),
        ("10 <= x", "x", ">=", 10),
        ("-10 > x", "x", "<", -10),
        ("(10) == x", "x", "==", 10),
        ("10 != x", "x", "!=", 10),
        ("x > (-(5))", "x", ">", -5),
        ("((x > 5))", "x", ">", 5),
        ("(x) > (5)", "(x)", ">", 5),
        ("(a or b) > 5", "(a or b)", ">", 5),
        ("(a > 1) + 1 > 5", "(a > 1) + 1", ">", 5),
        ("-x > 5", "-x", ">", 5),
        ("a / on(job) b * 100 > 5", "a / on(job) b * 100", ">", 5),
        ("sum by (job) (rate(x[5m] offset 1h)) > 5", "sum by (job) (rate(x[5m] offset 1h))", ">", 5),
        ("max_over_time(x[1h:5m] @ end()) > 5", "max_over_time(x[1h:5m] @ end())", ">", 5),
        ('x{a!="b > 1",c=~"(",d!~`]`} > 5', 'x{a!="b > 1",c=~"(",d!~`]`}', ">", 5),
        ("""x{a="\\"}",b='\\'#'} > 5""", """x{a="\\"}",b='\\'#'}""", ">", 5),
        ("x{a=`\\`} > 5", "x{a=`\\`}", ">", 5),
        ("x # > 1\n  > 5 # unless y", "x", ">", 5),
        ("sum(x # one\n  + y)\n> 5", "sum(x + y)", ">", 5),
        ("and_more > 5", "and_more", ">", 5),
        ("job:error:ratio > 5", "job:error:ratio", ">", 5),
        ("absent(x) > 5", "absent(x)", ">", 5),
    ],
)
def test_the_limit_of_an_expression(expression: str, left: str, comparison: str, limit: float) -> None:
    assert split_threshold(expression) == Threshold(left, Comparison(comparison), limit)


@given(st.text() | st.text(alphabet="x1.eE+-_()[]{}<>=!~\"'`\\# \n\0bolandrus", max_size=60))
def test_no_text_is_too_odd(expression: str) -> None:
    threshold = split_threshold(expression)
    if threshold is not None:
        assert split_threshold(threshold.expression) == threshold


@pytest.mark.parametrize(
    "piece", ["(", "-", "2^", "1*(", "(x and ", ">1", "and ", "1_", "1e+1", '"', "'\\", "#\n", "=~", "[{(", "`a", "x>"]
)
def test_long_nonsense_takes_no_longer_than_long_sense(piece: str) -> None:
    """Anything worse than proportional would take minutes."""
    split_threshold(piece * 100_000)
    split_threshold("x > " + piece * 50_000 + "1" + ")" * 50_000)


_SPACE = st.sampled_from(["", " ", "\n", "  # x > 1 and y\n", "\t"])
_MEASURED = st.recursive(
    st.sampled_from(
        [
            "up",
            "job:x:rate5m",
            'x{a="1 > 2"}',
            "x{a!='#',b=~`\"`}",
            "time()",
            "rate(x[5m:1m] offset -1h)",
            "sum by (a, b) (x)",
            "(a > 1 and b < 2)",
        ]
    ),
    lambda inner: (
        st.builds("abs({})".format, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("{} / {}".format, inner, inner)
    ),
    max_leaves=6,
)
_LIMIT = st.floats(allow_nan=False) | st.integers(-(10**9), 10**9).map(float)
_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


@given(
    left=_MEASURED,
    comparison=st.sampled_from(sorted(Comparison)),
    limit=_LIMIT,
    boolean=st.booleans(),
    turned=st.booleans(),
    wraps=st.integers(0, 3),
    spaces=st.tuples(_SPACE, _SPACE),
)
def test_a_built_expression_comes_apart_where_it_was_joined(
    *, left: str, comparison: Comparison, limit: float, boolean: bool, turned: bool, wraps: int, spaces: tuple[str, str]
) -> None:
    number = repr(limit).replace("inf", "Inf")
    operator = f"{_TURNED[comparison] if turned else comparison}{' bool ' if boolean else ''}"
    first, second = (number, left) if turned else (left, number)
    before, after = spaces
    expression = "(" * wraps + f"{before}{first}{before}{operator}{after}{second}{after}" + ")" * wraps

    threshold = split_threshold(expression)

    assert threshold == Threshold(left, comparison, limit, boolean)
    assert split_threshold(threshold.expression) == threshold
