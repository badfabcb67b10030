from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UsageError
from domain.text import and_more, first_names, format_duration, nearest, parse_duration

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("word", "span"),
    [
        ("2h", timedelta(hours=2)),
        ("90m", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("45s", timedelta(seconds=45)),
        ("1d", DAY),
        ("2H", timedelta(hours=2)),
        ("0h5m", timedelta(minutes=5)),
    ],
)
def test_spans(word: str, span: timedelta) -> None:
    assert parse_duration(word, DAY) == span


@pytest.mark.parametrize(
    "word", ["", "2", "h", "-2h", "2h ", "1.5h", "two hours", "2h2h", "30m1h", "99999999999h", "0m", "2d", "25h"]
)
def test_spans_that_are_none_say_so(word: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_duration(word, DAY)
    assert str(refused.value.hint)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (41, "41 s"),
        (60, "1 min"),
        (75, "1 min 15 s"),
        (600, "10 min"),
        (615, "10 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86400, "1 day"),
        (90000, "1 day 1 h"),
        (3 * 86400 + 2 * 3600, "3 days 2 h"),
        (-5, "0 s"),
    ],
)
def test_spans_are_written_with_their_two_largest_parts(seconds: int, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_word_is_a_span_or_is_refused(word: str) -> None:
    try:
        span = parse_duration(word, DAY)
    except UsageError:
        return
    assert timedelta() < span <= DAY


@pytest.mark.parametrize(
    ("word", "first"), [("rolback", "rollback"), ("Rollbck", "rollback"), ("stauts", "status"), ("versoins", "versions")]
)
def test_a_typo_finds_its_word(word: str, first: str) -> None:
    assert nearest(word, ["rollback", "restart", "status", "versions", "deploy"])[0] == first


def test_what_is_no_typo_finds_nothing() -> None:
    assert nearest("xyzzy", ["rollback", "restart", "status"]) == []


def test_aliases_that_are_alike_are_named_once() -> None:
    assert nearest("prod", ["prod", "prod"]) == ["prod"]


def test_what_a_list_leaves_out_is_counted() -> None:
    assert [and_more(count) for count in (-1, 0, 1, 1234)] == ["", "", "and 1 more", "and 1,234 more"]
    assert [first_names(list(names), 2) for names in ("", "a", "ab", "abcde")] == ["", "a", "a, b", "a, b and 3 more"]
