"""Which spans a picture shows, and what it says about the times."""

from dataclasses import replace

import pytest

from domain.traces.durations import format_span_time
from domain.traces.spans import Span, Trace
from domain.traces.waterfall import MAX_BARS, waterfall_of

MS = 10**6


def _span(name: str, parent: str = "", begin: int = 0, duration: int = 100, **more: object) -> Span:
    """``begin`` and ``duration`` are milliseconds."""
    span = Span(
        trace_id="t", id=name, parent_id=parent, service="main", operation=name, start=begin * MS + 10**18, duration=duration * MS
    )
    return replace(span, **more)  # type: ignore[arg-type]


def _trace(*spans: Span) -> Trace:
    return Trace(id="t", spans=tuple(sorted(spans, key=lambda span: (span.start, span.id))))


def _names(trace: Trace) -> list[str]:
    return [bar.name.removeprefix("main ") for bar in waterfall_of(trace).bars]


def test_failures_and_the_critical_path_come_before_what_was_only_long() -> None:
    beside = [_span(f"beside{number}", "root", 0, 90) for number in range(30)]
    quick_failure = _span("broken", "beside7", 5, 1, is_error=True)
    names = _names(_trace(_span("root"), *beside, _span("last", "root", 92, 6), quick_failure))
    assert len(names) == MAX_BARS
    assert {"root", "broken", "last"} <= set(names)


def test_of_a_failure_that_was_passed_on_its_beginning_comes_first() -> None:
    callers = [_span(f"c{number}", f"c{number - 1}", number, 99 - 2 * number, is_error=True) for number in range(1, 30)]
    assert "c29" in _names(_trace(_span("c0", is_error=True), *callers))


def test_many_failures_leave_room_for_what_the_end_waited_for() -> None:
    failures = [_span(f"try{number}", "root", number, 0, is_error=True) for number in range(50)]
    assert {"root", "slow"} <= set(_names(_trace(_span("root"), _span("slow", "root", 50, 50), *failures)))


def test_what_is_not_drawn_is_counted_and_a_bar_without_its_caller_says_so() -> None:
    chain = [_span(f"s{number}", f"s{number - 1}" if number else "", 0, 1000 - number) for number in range(40)]
    chart = waterfall_of(_trace(*chain))
    assert chart.notes[0] == "and 28 more spans"
    assert [bar.is_detached for bar in chart.bars if bar.name == "main s39"] == [True]
    assert not chart.bars[1].is_detached


def test_a_cut_trace_says_so_and_claims_no_gaps() -> None:
    trace = replace(_trace(_span("root"), _span("late", "root", 500)), cut_at="5,000 spans")
    chart = waterfall_of(trace)
    assert chart.notes[0] == "cut at 5,000 spans: there is more"
    assert chart.gaps == ()
    assert waterfall_of(replace(trace, cut_at="")).gaps == ((100 / 600, 500 / 600),)


def test_what_lies_outside_of_its_caller_is_marked_on_either_side() -> None:
    chart = waterfall_of(_trace(_span("root", "", 50, 100), _span("wide", "root", 0, 200)))
    wide = next(bar for bar in chart.bars if bar.name == "main wide")
    assert wide.outside == ((0.0, 0.25), (0.75, 1.0))
    assert chart.notes == ("1 span started before its caller: their clocks differ", "1 span ended after its caller")


def test_a_clock_that_is_years_off_does_not_shrink_the_rest_to_a_dot() -> None:
    chart = waterfall_of(_trace(_span("root"), _span("1970", "root", -(10**12)), _span("child", "root", 20, 60)))
    root, child = (next(bar for bar in chart.bars if bar.name == f"main {name}") for name in ("root", "child"))
    assert root.extent[1] - root.extent[0] > 0.8
    assert child.extent[0] > root.extent[0]
    assert chart.origin == -10 * MS - 1
    assert "1 span lies beyond this time: the whole is 277,778 h long" in chart.notes


def test_a_trace_that_took_no_time_has_a_picture() -> None:
    chart = waterfall_of(_trace(_span("root", duration=0)))
    assert (chart.title, chart.width) == ("0 ns  main root", 1000)
    assert [bar.extent for bar in chart.bars] == [(0.0, 0.0)]


def test_the_path_of_a_bar_lies_within_it_and_all_together_cover_the_root() -> None:
    chart = waterfall_of(_trace(_span("root"), _span("a", "root", 10, 30), _span("b", "root", 50, 70), _span("c", "b", 60, 30)))
    shares = [share for bar in chart.bars for share in bar.waited_for]
    assert sum(end - begin for begin, end in shares) == pytest.approx(100 / 120)
    assert all(bar.extent[0] <= begin < end <= bar.extent[1] for bar in chart.bars for begin, end in bar.waited_for)


def test_names_that_are_missing_are_said() -> None:
    assert waterfall_of(_trace(_span("", service="", operation=""))).bars[0].name == "without a name"


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (2_500, "2.5 µs"),
        (82 * MS, "82 ms"),
        (999_960_000, "1,000 ms"),
        (2_100 * MS, "2.1 s"),
        (119_000 * MS, "119 s"),
        (2_000_000 * MS, "33.3 min"),
        (10**13 * MS, "2,777,778 h"),
    ],
)
def test_durations_have_three_digits_and_no_exponent(nanoseconds: int, text: str) -> None:
    assert format_span_time(nanoseconds) == text
