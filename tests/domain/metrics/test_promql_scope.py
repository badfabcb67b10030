"""A person's PromQL stays inside the environment, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UsageError
from domain.metrics.promql_scope import scoped


def scope(expression: str) -> str:
    return scoped(expression, "environment", "staging").replace(" ", "")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up", 'up{environment="staging"}'),
        ("up{}", 'up{environment="staging",}'),
        ('up{job="a}b"}', 'up{environment="staging",job="a}b"}'),
        ('{__name__="up"}', '{environment="staging",__name__="up"}'),
        ('{"my.metric"}', '{environment="staging","my.metric"}'),
        ('up{environment="production"}', 'up{environment="staging",environment="production"}'),
        ("sum by (job) (rate(up[5m]))", 'sumby(job)(rate(up{environment="staging"}[5m]))'),
        ("sum(up) by (up)", 'sum(up{environment="staging"})by(up)'),
        ("sum without (a) (up)", 'sumwithout(a)(up{environment="staging"})'),
        ("a / on (b) group_left c", 'a{environment="staging"}/on(b)group_leftc{environment="staging"}'),
        ("a / on (b) group_left (c) d", 'a{environment="staging"}/on(b)group_left(c)d{environment="staging"}'),
        ("up offset 5m", 'up{environment="staging"}offset5m'),
        ("up == bool 1", 'up{environment="staging"}==bool1'),
        ("a and b unless c", 'a{environment="staging"}andb{environment="staging"}unlessc{environment="staging"}'),
        ("max_over_time(up[1h:5m])", 'max_over_time(up{environment="staging"}[1h:5m])'),
        ("up @ start()", 'up{environment="staging"}@start()'),
        ("up * Inf", 'up{environment="staging"}*Inf'),
        ("1 + 2.5e3", "1+2.5e3"),
        ("sum", 'sum{environment="staging"}'),
        ('label_replace(up, "environment", "x", "", "")', 'label_replace(up{environment="staging"},"environment","x","","")'),
        ("up{a='\\'}'}", "up{environment=\"staging\",a='\\'}'}"),
        ("up{a=`}`}", 'up{environment="staging",a=`}`}'),
    ],
)
def test_every_selector_has_the_environment(expression: str, found: str) -> None:
    assert scope(expression) == found


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "  ",
        "up # comment",
        'up{a="',
        "up{a='\n'}",
        "up{",
        "up{{}}",
        "by",
        "on + up",
        "bool",
        "offset",
        "or up",
        "group_left",
        "sum by job (up)",
        "sum by (up{}) (up)",
        "info(up)",
        "up; up",
        "up$",
        "\uff55p",
        "up[5m",
        "x" * 1001,
    ],
)
def test_what_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(UsageError):
        scoped(expression, "environment", "staging")


_WORDS = ["up", "by", "on", "sum", "and", "bool", "offset", "1", "a"]
_MARKS = ["(", ")", "{", "}", "[5m]", '"a}b"', "'", '"', "`", ",", "=", "=~", "+", "\\", "#", "\n"]
_PIECES = st.sampled_from(_WORDS + _MARKS)


@given(st.lists(_PIECES, max_size=12).map(" ".join))
def test_whatever_is_let_through_has_a_label_for_each_brace(expression: str) -> None:
    try:
        found = scoped(expression, "environment", "staging")
    except UsageError:
        return
    outside = "".join(found.split('"')[::2]) if found.count("'") == found.count("`") == 0 else ""
    assert outside.count("{") == outside.count("{environment=")
