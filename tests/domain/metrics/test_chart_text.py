from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metrics.chart_text import describe_chart, format_number, no_data_text, time_range_text
from domain.metrics.charts import Chart, Marker, Series

SINCE = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=1)
ODD = st.sampled_from([0.0, -0.0, 5e-324, 1e-300, 1.7976931348623157e308, -1.7976931348623157e308, 999.95, 9999.5, 0.0001])
VALUES = st.one_of(st.none(), st.floats(), ODD)
TIMES = st.one_of(st.floats(), st.floats(SINCE.timestamp() - 60, UNTIL.timestamp() + 60))
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- the zone is beside it


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    """Whatever can be put into one: no numbers, no time, nothing in order."""
    since = draw(st.one_of(st.just(SINCE), MOMENTS))
    inside = st.floats(0, 3600).map(lambda second: since.timestamp() + second)
    points = st.lists(st.tuples(st.one_of(inside, TIMES), VALUES), max_size=12).map(tuple)
    return Chart(
        title=draw(st.text(max_size=30)),
        since=since,
        until=since + timedelta(seconds=draw(st.sampled_from([-5, 0, 1, 60, 3600, 86400, 4e7]))),
        series=tuple(Series(name=draw(st.text(max_size=20)), points=each) for each in draw(st.lists(points, max_size=10))),
        threshold=draw(VALUES),
        markers=tuple(
            Marker(since + timedelta(minutes=each), "alert") for each in draw(st.lists(st.integers(-5, 65), max_size=4))
        ),
        left_out=draw(st.integers(0, 5000)),
    )


def chart(*values: float | None, threshold: float | None = None) -> Chart:
    """One line, a value every ten minutes, the last one at the end."""
    start = UNTIL.timestamp() - 600 * (len(values) - 1)
    points = tuple((start + 600 * index, value) for index, value in enumerate(values))
    return Chart(title="", since=SINCE, until=UNTIL, series=(Series(name="a", points=points),), threshold=threshold)


def test_one_line_says_now_the_limit_and_the_extremes() -> None:
    assert describe_chart(chart(0.3, 15.1, 14.2, threshold=10)) == "now 14.2, limit 10, highest 15.1 at 14:52 UTC, lowest 0.3"


def test_a_line_that_ended_does_not_claim_to_be_now() -> None:
    assert describe_chart(chart(3, 5, None, None)) == "last 5 at 14:42 UTC, highest 5 at 14:42 UTC, lowest 3"


def test_several_lines_say_their_range() -> None:
    first, second = chart(1, 0.5), chart(9, 12.25)
    both = replace(first, series=first.series + second.series)
    assert describe_chart(both) == "now 0.5 to 12.25 (2 lines), highest 12.25 at 15:02 UTC, lowest 0.5"
    assert describe_chart(replace(both, left_out=1200)).startswith("now 0.5 to 12.25 (2 lines, 1,200 more left out)")


def test_what_does_not_move_says_so() -> None:
    assert describe_chart(chart(3, 3, 3)) == "now 3, unchanged"
    assert describe_chart(chart(12_345_600, 12_345_640)) == "now 12.35M, nearly unchanged"
    assert describe_chart(chart(3)) == "now 3"


@pytest.mark.parametrize("nothing", [chart(), chart(None), chart(float("nan"), float("inf"), -float("inf"))])
def test_without_numbers_it_says_for_which_time(nothing: Chart) -> None:
    assert describe_chart(replace(nothing, threshold=10)) == "no data between 14:02 and 15:02 UTC, limit 10"


def test_points_outside_the_window_are_not_told() -> None:
    early = Series(
        name="a", points=((SINCE.timestamp() - 60, 99.0), (UNTIL.timestamp() + 0.5, 4.0), (UNTIL.timestamp() + 60, 99.0))
    )
    assert describe_chart(replace(chart(), series=(early,))) == "now 4"


def test_an_infinite_limit_is_none() -> None:
    assert describe_chart(chart(3, threshold=float("inf"))) == "now 3"


def test_times_leave_no_doubt() -> None:
    def after(span: timedelta) -> Chart:
        return replace(chart(), until=SINCE + span)

    assert no_data_text(chart()) == "No data between 14:02 and 15:02 UTC"
    assert no_data_text(after(timedelta(seconds=1))) == "No data between 14:02:00 and 14:02:01 UTC"
    assert no_data_text(after(timedelta(days=1))) == "No data between 23 Nov 14:02 and 24 Nov 14:02 UTC"
    assert no_data_text(after(timedelta(days=60))) == "No data between 23 Nov 2026 14:02 and 22 Jan 2027 14:02 UTC"
    assert time_range_text(chart()) == "23 Nov, 14:02 to 15:02 UTC"
    assert time_range_text(after(timedelta(days=1))) == "23 Nov 14:02 to 24 Nov 14:02 UTC"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"), (-0.0, "0"), (14.2, "14.2"), (99.95, "99.95"), (0.003, "0.003"), (0.0001, "0.0001"), (3e-5, "3e-5"), (-4, "-4"),
        (1234, "1,234"), (9999.6, "10k"), (12_350, "12.35k"), (999_960, "1M"),
        (-2_400_000, "-2.4M"), (3e9, "3G"), (2.5e12, "2.5T"),
        (1e15, "1P"), (1e18, "1e18"), (1e300, "1e300"), (1.7976931348623157e308, "1.798e308"), (5e-324, "4.941e-324"),
    ],
)  # fmt: skip
def test_numbers_read_as_people_write_them(value: float, words: str) -> None:
    assert format_number(value) == words


@pytest.mark.parametrize(("value", "words"), [(100, "100"), (123.4, "120"), (9960, "10k"), (-1234, "-1,200"), (6.34, "6.3")])
def test_with_few_digits_a_number_is_rounded_and_has_no_exponent(value: float, words: str) -> None:
    assert format_number(value, 2) == words


@given(charts())
def test_whatever_the_chart_the_words_are_numbers(chart: Chart) -> None:
    words = describe_chart(chart)
    assert words
    assert "nan" not in words
    assert "inf" not in words


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_stays_within_half_a_digit(value: float) -> None:
    words = format_number(value).replace(",", "")
    factor = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}.get(words[-1], 1.0)
    read = float(words.rstrip("kMGTP")) * factor
    assert read == pytest.approx(value, rel=6e-4) or abs(read) == float("inf")


def test_what_was_before_is_said_apart_from_what_is_now() -> None:
    now, before = chart(0.3, 15.1, 14.2).series[0], chart(0.1, 20, 7).series[0]
    compared = replace(chart(), series=(now, replace(before, earlier="1 day before")))
    assert describe_chart(compared) == "now 14.2, highest 15.1 at 14:52 UTC, lowest 0.3, 1 day before 7"
    assert describe_chart(replace(compared, series=compared.series[1:])) == "no data between 14:02 and 15:02 UTC, 1 day before 7"
