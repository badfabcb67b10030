"""The parts of a chart that need no picture: round numbers, places of labels, texts that fit."""

from datetime import UTC, datetime
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.charts.label_layout import place_labels, spread
from bot.charts.scales import AxisScale, split_at_gaps, time_ticks, value_scale, value_ticks
from bot.charts.text import clip_end, clip_middle, common_start, drawable
from tests.bot.views.test_hostile import HOSTILE

FINITE = st.floats(allow_nan=False, allow_infinity=False)
START = datetime(2026, 11, 23, 14, 2, tzinfo=UTC).timestamp()


def value_labels(low: float, high: float) -> list[str]:
    return [tick.label for tick in value_ticks(AxisScale(low, high))]


def time_labels(span: float, most: int = 6) -> list[str]:
    return [tick.label for tick in time_ticks(START, START + span, most)]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 16, ["0", "5", "10", "15"]),
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 0.0032, ["0", "0.001", "0.002", "0.003"]),
        (0, 3e-9, ["0", "5e-10", "1e-9", "1.5e-9", "2e-9", "2.5e-9", "3e-9"]),
        (0, 9500, ["0", "2,000", "4,000", "6,000", "8,000"]),
        (0, 95_000, ["0", "20k", "40k", "60k", "80k"]),
        (0, 1.2e6, ["0", "0.2M", "0.4M", "0.6M", "0.8M", "1.0M", "1.2M"]),
        (2e9, 5e9, ["2.0G", "2.5G", "3.0G", "3.5G", "4.0G", "4.5G", "5.0G"]),
        (-6, 1, ["-6", "-4", "-2", "0"]),
        (99.92, 99.98, ["99.92", "99.93", "99.94", "99.95", "99.96", "99.97", "99.98"]),
        (-1e300, 1e300, ["-1e300", "-5e299", "0", "5e299", "1e300"]),
    ],
)
def test_values_beside_the_axis_are_round(low: float, high: float, labels: list[str]) -> None:
    assert value_labels(low, high) == labels


@given(st.lists(FINITE, min_size=1), st.one_of(st.none(), FINITE))
def test_every_value_is_on_its_scale(values: list[float], limit: float | None) -> None:
    scale = value_scale(values, limit)
    ticks = value_ticks(scale)
    assert all(-1e-6 <= scale.position(value) <= 1 + 1e-6 for value in values)
    assert all(-1e-6 <= tick.position <= 1 + 1e-6 for tick in ticks)
    assert len({tick.label for tick in ticks}) == len(ticks)
    assert 1 <= len(ticks) <= 9


@pytest.mark.parametrize(
    ("values", "limit", "is_shown"),
    [
        ([0, 15], 10, True),
        ([0, 15], 60, True),
        ([0, 15], 1e6, False),
        ([0, 15], -4e9, False),
        ([0, 0], 10, True),
        ([0.29, 0.31], 10, True),
        ([870, 930], 10, True),
        ([3, 3], 1e9, False),
        ([-5, -4], 100, True),
    ],
)
def test_the_limit_is_drawn_where_it_leaves_the_lines_their_shape(values: list[float], limit: float, *, is_shown: bool) -> None:
    assert value_scale(values, limit).shows(limit) is is_shown


def test_times_below_the_axis_are_round() -> None:
    assert time_labels(3600) == ["14:10", "14:20", "14:30", "14:40", "14:50", "15:00"]
    assert time_labels(3600, most=4) == ["14:15", "14:30", "14:45", "15:00"]
    assert time_labels(1) == ["14:02:00.0", "14:02:00.2", "14:02:00.4", "14:02:00.6", "14:02:00.8", "14:02:01.0"]
    assert time_labels(60) == ["14:02:00", "14:02:10", "14:02:20", "14:02:30", "14:02:40", "14:02:50", "14:03:00"]
    assert time_labels(86400) == ["18:00", "24 Nov", "06:00", "12:00"]
    assert time_labels(7 * 86400) == ["25 Nov", "27 Nov", "29 Nov"]
    assert {label.split()[-1] for label in time_labels(730 * 86400)} == {"2026", "2027", "2028"}


@given(st.floats(0, 4e9), st.floats(1, 3e9), st.integers(2, 8))
def test_times_lie_within_the_window_and_are_few(start: float, span: float, most: int) -> None:
    ticks = time_ticks(start, start + span, most)
    assert all(-1e-6 <= tick.position <= 1 + 1e-6 for tick in ticks)
    assert len(ticks) <= most + 1


def test_the_pen_lifts_where_a_number_or_a_point_is_missing() -> None:
    assert split_at_gaps([(1, 5.0), (2, None), (3, 6.0), (4, 7.0)]) == [[(1, 5.0)], [(3, 6.0), (4, 7.0)]]
    assert split_at_gaps([(1, 5.0), (2, 5.0), (3, 5.0), (9, 5.0), (10, 5.0)]) == [
        [(1, 5.0), (2, 5.0), (3, 5.0)],
        [(9, 5.0), (10, 5.0)],
    ]
    assert split_at_gaps([(1, None), (2, None)]) == []


@given(st.lists(st.floats(-50, 450), max_size=10))
def test_labels_beside_the_plot_do_not_touch_and_keep_their_order(wanted: list[float]) -> None:
    heights = spread(wanted, gap=35, low=0, high=400)
    assert all(-1e-6 <= height <= 400 + 1e-6 for height in heights)
    assert all(abs(one - other) >= 35 - 1e-6 for one, other in combinations(heights, 2))
    ordered = [height for _, height in sorted(zip(wanted, heights, strict=True), key=lambda each: (-each[0], -each[1]))]
    assert ordered == sorted(heights, reverse=True)


def test_a_label_with_room_is_exactly_where_it_belongs() -> None:
    assert spread([100, 300], gap=35, low=0, high=400) == [100, 300]


@given(st.lists(st.tuples(st.integers(44, 1000), st.floats(0, 420)), max_size=30))
def test_names_above_the_plot_do_not_lie_on_names_or_lines(lines: list[tuple[int, float]]) -> None:
    placed = [flag for flag in place_labels(lines, rows=3, left=44, right=1156, gap=18) if flag]
    for one, other in combinations(placed, 2):
        assert one.row != other.row or one.end + 18 <= other.start or other.end + 18 <= one.start
        for line, label in ((one, other), (other, one)):
            assert label.row >= line.row or line.line_x == label.line_x or not label.start < line.line_x < label.end
    assert bool(placed) is bool(lines)
    assert all(44 <= flag.start <= flag.end <= 1156 for flag in placed)


def test_five_things_within_minutes_are_all_named() -> None:
    lines = [(640.0, 380.0), (655.0, 280.0), (670.0, 300.0), (745.0, 160.0)]
    assert [bool(each) for each in place_labels(lines, rows=3, left=44, right=1156, gap=18)] == [True] * len(lines)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("a\x00b\x1b[2Jc", "ab[2Jc"),
        ("one\n\r\n two\tthree", "one two three"),
        ("🔥 High ✅ error 👩‍👩‍👧 rate", "High error rate"),
        ("日本語 rate", "□ rate"),
        ("\u202eabc\u202c", "abc"),
        ("$\\frac{a}{b}$ <b> & _x_ ^2", "$\\frac{a}{b}$ <b> & _x_ ^2"),
        ("e\u0301te\u0301", "été"),
        ("password=hunter2 x", "password=••• x"),
        ("שלום مرحبا", "שלום مرحبا"),
        ("🔥", ""),
    ],
)
def test_texts_are_drawn_as_they_can_be_read(text: str, drawn: str) -> None:
    assert drawable(text) == drawn


def test_accents_do_not_build_towers() -> None:
    assert len(drawable("a" + "\u0322\u0327\u0309\u0317\u0331" * 20)) <= 3


@given(HOSTILE)
def test_a_drawable_text_is_one_line_and_stays_as_it_is(text: str) -> None:
    once = drawable(text)
    assert once.isprintable()
    assert once == once.strip()
    assert len(once) <= 400


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_clipped_text_fits(text: str, room: int) -> None:
    for clip in (clip_end, clip_middle):
        clipped = clip(text, room, len)
        assert len(clipped) <= room
        assert clipped == text or "…" in clipped


def test_pods_are_told_apart_when_clipped() -> None:
    names = [f"deep-echo-main-7f6b9c5d48-{end}" for end in ("xkqzw", "q2hj2")]
    assert [clip_middle(name, 13, len) for name in names] == ["deep-e…-xkqzw", "deep-e…-q2hj2"]


@pytest.mark.parametrize(
    ("names", "start"),
    [
        (["deep-echo-main-7f6b-xkqzw", "deep-echo-main-7f6b-q2hj2"], "deep-echo-main-7f6b-"),
        (["deep-echo-main", "deep-echo-cognitive"], "deep-echo-"),
        (["web-1", "web-2"], ""),
        (["deep-echo-main"], ""),
        (["deep-echo-main", "deep-echo-main"], "deep-echo-"),
        (["deep-echo-", "deep-echo-main"], ""),
        (["", ""], ""),
    ],
)
def test_what_all_names_begin_with_is_said_once(names: list[str], start: str) -> None:
    assert common_start(names) == start


def test_steps_between_ticks_are_equal() -> None:
    ticks = value_ticks(AxisScale(0, 16))
    distances = {round(later.position - tick.position, 9) for tick, later in pairwise(ticks)}
    assert len(distances) == 1
