"""Matchers read, write and compare as Alertmanager's do; a group's key becomes exactly the matchers of its silence."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UsageError
from domain.matchers import (
    MAX_COMPARED_CHARACTERS,
    Matcher,
    Operator,
    check_matcher,
    format_matcher,
    group_matchers,
    matches,
    parse_labels,
    parse_matcher,
)

EQUAL, NOT_EQUAL, MATCHES, MATCHES_NOT = Operator
NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,20}", fullmatch=True)
MATCHERS = st.builds(Matcher, NAMES, st.sampled_from(Operator), st.text(max_size=40))


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ('alertname="HighErrorRate"', Matcher("alertname", EQUAL, "HighErrorRate")),
        ('severity!="info"', Matcher("severity", NOT_EQUAL, "info")),
        ('service=~"main|cognitive"', Matcher("service", MATCHES, "main|cognitive")),
        ('pod!~"web-.*"', Matcher("pod", MATCHES_NOT, "web-.*")),
        ("severity=critical", Matcher("severity", EQUAL, "critical")),
        ("service=~main|cog.*", Matcher("service", MATCHES, "main|cog.*")),
        ("team='payments'", Matcher("team", EQUAL, "payments")),
        ("""said='a "word"'""", Matcher("said", EQUAL, 'a "word"')),
        (' team  =~\t"a" ', Matcher("team", MATCHES, "a")),
        ('empty=""', Matcher("empty", EQUAL, "")),
        (r'path="C:\\temp\n\"x\""', Matcher("path", EQUAL, 'C:\\temp\n"x"')),
        (r'pod=~"web-\d+\.x"', Matcher("pod", MATCHES, r"web-\d+\.x")),
        ('text="a=b, {c}"', Matcher("text", EQUAL, "a=b, {c}")),
        ('"service.name"="web"', Matcher("service.name", EQUAL, "web")),
        ("_=1", Matcher("_", EQUAL, "1")),
        ('text="="', Matcher("text", EQUAL, "=")),
    ],
)
def test_a_matcher_is_read(text: str, matcher: Matcher) -> None:
    assert parse_matcher(text) == matcher


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing does not begin with a label's name"),
        ("=critical", "=critical does not begin with a label's name"),
        ("1up=x", "1up=x does not begin with a label's name"),
        ("critical", "critical has no operator after its label's name; there are =, !=, =~ and !~"),
        ("my-label=x", "my-label=x has no operator"),
        ("a==b", "a==b has no value that can be read; write it in quotes"),
        ("severity=", "severity= has no value that can be read"),
        ("a=two words", "has no value that can be read"),
        ('a="open', "has no value that can be read"),
        ('a="open\\"', "has no value that can be read"),
        ('a="b" c="d"', "has no value that can be read"),
        ('""="x"', "names no label"),
        ("x" * 500, "x" * 79 + "… has no operator"),
    ],
)
def test_what_is_no_matcher_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^.+$") as wrong:
        parse_matcher(text)
    assert says in str(wrong.value)
    assert len(str(wrong.value)) < 200


@given(MATCHERS)
def test_what_is_written_is_read_back(matcher: Matcher) -> None:
    assert parse_matcher(format_matcher(matcher)) == matcher


@given(st.text(alphabet=string.printable, max_size=40))
def test_any_text_is_a_matcher_or_is_refused(text: str) -> None:
    try:
        matcher = parse_matcher(text)
    except ValueError:
        return
    assert parse_matcher(format_matcher(matcher)) == matcher


def test_a_matcher_is_written_as_alertmanager_writes_it() -> None:
    assert format_matcher(Matcher("pod", MATCHES, 'web-\\d+\n"x"\té')) == '''pod=~"web-\\\\d+\\n\\"x\\"\té"'''
    assert format_matcher(Matcher("service.name", NOT_EQUAL, "web")) == '"service.name"!="web"'


@pytest.mark.parametrize(
    ("text", "value", "fits"),
    [
        ("severity=critical", "critical", True),
        ("severity=critical", "Critical", False),
        ("severity=critical", None, False),
        ('severity=""', None, True),
        ("severity!=critical", None, True),
        ("severity!=critical", "critical", False),
        ("severity=~crit", "critical", False),
        ("severity=~crit.*", "critical", True),
        ("severity=~warning|critical", "critical", True),
        ("severity=~a|ab", "ab", True),
        ("severity=~.+", None, False),
        ("severity=~.*", None, True),
        ('severity=~""', None, True),
        ('severity=~"critical$"', "critical\n", False),
        ('severity=~"(?i)CRITICAL"', "critical", True),
        (r'severity=~"\d"', "٣", False),
        ("severity!~crit", "critical", True),
        ("severity!~crit.*", "critical", False),
        ("severity!~.+", None, True),
    ],
)
def test_labels_are_compared(text: str, value: str | None, fits: bool) -> None:  # noqa: FBT001
    labels = {"alertname": "X"} if value is None else {"alertname": "X", "severity": value}
    assert matches(parse_matcher(text), labels) is fits


def test_of_an_absurd_value_only_the_beginning_is_looked_at() -> None:
    begins = "a" * MAX_COMPARED_CHARACTERS
    assert matches(parse_matcher("text=~a+"), {"text": begins + "!" * 10_000_000})
    assert not matches(parse_matcher(f"text={begins}"), {"text": begins + "!"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('pod=~"("', 'pod=~"(" has no regular expression that can be used: a ( is never closed'),
        ('pod!~"[a"', "[a has no ] at its end"),
        ('pod=~"a(?=b)"', "(?= looks around, which RE2, Alertmanager's dialect, does not do"),
        (r'pod=~"(a)\1"', r"\1 refers back to a group"),
        ('pod=~"(?u)x"', "(?u means nothing"),
        ('pod=~"x{99999999999}"', "{99999999999} means nothing"),
    ],
)
def test_an_expression_that_cannot_be_used_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="has no regular expression that can be used") as wrong:
        check_matcher(text)
    assert says in str(wrong.value)


@pytest.mark.parametrize(
    "text",
    ['pod="("', 'pod=~"(web|api)-.+"', r'pod=~"(\+|[*+)])+"', 'pod=~"(a+)+b"', 'pod=~"[[:alpha:]]"', r'pod!~"\pL+"'],
)
def test_an_expression_that_can_be_used_is_left_as_it_is(text: str) -> None:
    assert check_matcher(text) == text


def test_labels_are_read_from_words() -> None:
    words = ["alertname=HighErrorRate", 'severity="critical"', "text=“a b”", "x='y'", "url=http://a/?b=c", "empty=", 'q="']
    assert parse_labels(words) == {
        "alertname": "HighErrorRate",
        "severity": "critical",
        "text": "a b",
        "x": "y",
        "url": "http://a/?b=c",
        "empty": "",
        "q": '"',
    }
    assert parse_labels([]) == {}


@pytest.mark.parametrize("word", ["critical", "=x", "severity=~crit.*", "severity!=x", "my-label=x", "1=x", "a b=c", "", "ä=x"])
def test_what_is_no_label_is_refused(word: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_labels([word])
    assert "is not a label" in str(refused.value)
    assert "alertname=HighErrorRate" in str(refused.value.hint)


def test_a_label_stands_once() -> None:
    with pytest.raises(UsageError, match="severity is there twice"):
        parse_labels(["severity=a", "severity=b"])


SEVERE = Matcher("severity", EQUAL, "critical")
NAMED = Matcher("alertname", EQUAL, "HighErrorRate")
WRITTEN_BY_0_25 = (
    '{}/{path!="a/b:{c}\\"},{d=",severity=~"crit.*|page"}/{team=~"^(?:a|b\\\\d+)$",x="tab\there\\nnl"}'
    ':{alertname="Héé\\"x\\"", text="q\\"\\\\/}:{,\\n\\t\\u200b"}'
)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ('{}:{alertname="HighErrorRate"}', [NAMED]),
        ('{}/{severity="critical"}:{alertname="HighErrorRate"}', [SEVERE, NAMED]),
        (
            '{}/{severity="critical",team=~"a|b"}:{alertname="HighErrorRate"}',
            [SEVERE, Matcher("team", MATCHES, "a|b"), NAMED],
        ),
        (
            '{}/{env!="dev"}/{severity="critical"}/{pod!~"x.*"}:{alertname="HighErrorRate"}',
            [Matcher("env", NOT_EQUAL, "dev"), SEVERE, Matcher("pod", MATCHES_NOT, "x.*"), NAMED],
        ),
        ('{}/{alertname="HighErrorRate"}/{severity="critical"}:{alertname="HighErrorRate"}', [NAMED, SEVERE]),
        ('{}/{severity="critical"}/{severity="critical"}:{}', [SEVERE, NAMED]),
        ('{}/{severity=~"^(?:critical)$"}:{alertname="HighErrorRate", b="c"}', [Matcher("severity", MATCHES, "critical"), NAMED]),
        ('{}/{severity=~"^(?:a)|(?:b)$"}:{}', [Matcher("severity", MATCHES, "^(?:a)|(?:b)$"), NAMED]),
        ('{}/{severity="^(?:critical)$"}:{}', [Matcher("severity", EQUAL, "^(?:critical)$"), NAMED]),
        (
            r'{}/{path="a/b:{c}\"},{d=\"e\"",x=~"\\d+\n"}:{alertname="a/{\"}:"}',
            [Matcher("path", EQUAL, 'a/b:{c}"},{d="e"'), Matcher("x", MATCHES, "\\d+\n"), NAMED],
        ),
        (r'{}/{a="\t\u00e9\x41\101\U0001f600"}:{}', [Matcher("a", EQUAL, "\té" + "AA\U0001f600"), NAMED]),
        ('{}/{"service.name"="web"}:{"my.label"="x"}', [Matcher("service.name", EQUAL, "web"), NAMED]),
        (
            WRITTEN_BY_0_25,
            [
                Matcher("path", NOT_EQUAL, 'a/b:{c}"},{d='),
                Matcher("severity", MATCHES, "crit.*|page"),
                Matcher("team", MATCHES, "a|b\\d+"),
                Matcher("x", EQUAL, "tab\there\nnl"),
                NAMED,
            ],
        ),
        (r'{}/{a=~"^(?:a\\)$"}:{}', [Matcher("a", MATCHES, r"^(?:a\)$"), NAMED]),
        ("19ebb401e58a6be784f2217787af5bb19d61d7f45bb12400d28e513e99fd5582", [NAMED]),
        ('{}/{severity="critical"}', [NAMED]),
        ('{}/{severity="critical}:{}', [NAMED]),
        (r'{}/{severity="\q"}:{}', [NAMED]),
        (r'{}/{severity="\ud800"}:{}', [NAMED]),
        (r'{}/{severity="\Uffffffff"}:{}', [NAMED]),
        ("{}/{severity=critical}:{}", [NAMED]),
        ("watchdog:prometheus", [NAMED]),
        ("", [NAMED]),
    ],
)
def test_a_groups_matchers_are_its_routes_and_its_labels(key: str, found: list[Matcher]) -> None:
    assert group_matchers(key, {"alertname": "HighErrorRate"}) == tuple(found)


def test_a_group_of_everything_has_none() -> None:
    assert group_matchers("{}:{}", {}) == ()


def test_labels_come_in_the_order_of_their_names() -> None:
    assert [each.name for each in group_matchers("{}:{}", {"b": "1", "a": "2", "c": "3"})] == ["a", "b", "c"]


@given(st.lists(st.lists(MATCHERS, max_size=3), max_size=4), st.dictionaries(NAMES, st.text(max_size=10), max_size=3))
def test_every_key_that_alertmanager_writes_is_read(routes: list[list[Matcher]], labels: dict[str, str]) -> None:
    path = "/".join(["{}", *("{" + ",".join(format_matcher(each) for each in route) + "}" for route in routes)])
    group = ", ".join(format_matcher(Matcher(name, EQUAL, value)) for name, value in labels.items())
    expected = [each for route in routes for each in route] + [Matcher(name, EQUAL, labels[name]) for name in sorted(labels)]
    assert group_matchers(f"{path}:{{{group}}}", labels) == tuple(dict.fromkeys(expected))


@given(
    st.text(alphabet='{}/:,="\\^(?)$~!ab x0u\n', max_size=60),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
def test_no_key_is_too_strange(key: str, labels: dict[str, str]) -> None:
    assert {Matcher(name, EQUAL, value) for name, value in labels.items()} <= set(group_matchers(key, labels))
