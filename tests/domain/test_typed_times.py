from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UsageError
from domain.typed_times import parse_time, zone_named

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 27, 13, 30, 12, tzinfo=UTC)  # a Friday, 14:30 in Berlin


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("18:00", "2026-11-27T17:00"),
        ("14:30", "2026-11-28T13:30"),
        ("9:05", "2026-11-28T08:05"),
        ("18.00", "2026-11-27T17:00"),
        ("today 18:00", "2026-11-27T17:00"),
        ("today 09:00", "2026-11-27T08:00"),
        ("tomorrow 18:00", "2026-11-28T17:00"),
        ("Tomorrow  18:00", "2026-11-28T17:00"),
        ("Mon 9:00", "2026-11-30T08:00"),
        ("monday 9:00", "2026-11-30T08:00"),
        ("Fri 18:00", "2026-11-27T17:00"),
        ("Fri 9:00", "2026-12-04T08:00"),
        ("2026-12-01 18:00", "2026-12-01T17:00"),
        ("2026-12-01T18:00", "2026-12-01T17:00"),
        ("2026-12-01T18:00Z", "2026-12-01T18:00"),
        ("2026-12-01T18:00+05:30", "2026-12-01T12:30"),
        ("1 Dec 18:00", "2026-12-01T17:00"),
        ("1. December 18:00", "2026-12-01T17:00"),
        ("3 Feb 18:00", "2027-02-03T17:00"),
        ("3 Feb 2027 18:00", "2027-02-03T17:00"),
        ("27 Nov 09:00", "2026-11-27T08:00"),
        ("18:00 UTC", "2026-11-27T18:00"),
        ("Mon 09:00 utc", "2026-11-30T09:00"),
        ("now", "2026-11-27T13:30"),
        ("in 2h", "2026-11-27T15:30"),
        ("in 1h 30m", "2026-11-27T15:00"),
    ],
)
def test_a_time_is_of_the_writers_wall_clock(text: str, means: str) -> None:
    assert parse_time(text, BERLIN, NOW) == datetime.fromisoformat(means).replace(tzinfo=UTC)


def test_the_same_words_are_another_instant_for_a_writer_elsewhere() -> None:
    assert parse_time("18:00", ZoneInfo("America/Chicago"), NOW) == datetime(2026, 11, 28, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a time that can be read"),
        ("6pm", "is not a time that can be read"),
        ("25:00", "is not a time that can be read"),
        ("someday 18:00", "is not a time that can be read"),
        ("m 18:00", "is not a time that can be read"),
        ("tomorrow", "is not a time that can be read"),
        ("31 Feb 18:00", "there is no such day"),
        ("2026-13-01 18:00", "there is no such day"),
        ("2031-01-01 18:00", "more than a year away"),
        ("in a while", "is not a span of time"),
        ("2027-03-28 02:30", "does not exist in Europe/Berlin"),
        ("2027-10-31 02:30", "comes twice in Europe/Berlin"),
    ],
)
def test_what_cannot_be_read_or_is_not_one_instant_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_time(text, BERLIN, NOW)
    assert str(caught.value.hint)


def test_the_refusal_of_a_time_that_comes_twice_names_both_in_utc() -> None:
    with pytest.raises(UsageError) as caught:
        parse_time("2027-10-31 02:30", BERLIN, NOW)
    assert caught.value.hint == "Say which: 2027-10-31 00:30 UTC or 2027-10-31 01:30 UTC."
    assert parse_time("2027-10-31 01:30 UTC", BERLIN, NOW) == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


@given(text=st.text(max_size=40))
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    try:
        at = parse_time(text, BERLIN, NOW)
    except UsageError:
        return
    assert abs(at - NOW) <= timedelta(days=367)


def test_an_unknown_zone_of_a_person_is_utc() -> None:
    assert [zone_named(name).key for name in ("Europe/Berlin", "Mars/Olympus", "", "../etc/passwd")] == [
        "Europe/Berlin",
        "UTC",
        "UTC",
        "UTC",
    ]
