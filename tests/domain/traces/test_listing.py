"""Lists of traces: what comes first, and what each line says."""

from datetime import UTC, datetime, timedelta

from domain.traces.listing import TraceOrder, lines_of
from domain.traces.spans import ReadSpans, Span, traces_of

_MILLISECOND = 10**6


def _span(trace: str, name: str, parent: str = "", *, start: int = 0, duration: int = 10, is_error: bool = False) -> Span:
    return Span(
        trace_id=trace,
        id=name,
        parent_id=parent,
        service="main",
        operation=name,
        start=start * _MILLISECOND,
        duration=duration * _MILLISECOND,
        is_error=is_error,
    )


TRACES = traces_of(
    ReadSpans(
        spans=(
            _span("quick", "a", start=3_000),
            _span("slow", "a", start=1_000, duration=900),
            _span("broken", "a", start=2_000, duration=50, is_error=True),
            _span("broken", "b", "a", start=2_010, is_error=True),
            _span("broken", "c", "b", start=2_011),
        ),
        cut_at="5 spans",
    )
)


def test_the_order_is_the_one_asked_for() -> None:
    assert [line.id for line in lines_of(TRACES, TraceOrder.NEWEST)] == ["quick", "broken", "slow"]
    assert [line.id for line in lines_of(TRACES, TraceOrder.SLOW)] == ["slow", "broken", "quick"]
    assert [line.id for line in lines_of(TRACES, TraceOrder.ERRORS)] == ["broken"]


def test_a_line_has_its_numbers_and_names_what_failed_first() -> None:
    (line,) = lines_of(TRACES, TraceOrder.ERRORS)
    assert line.started_at == datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert (line.duration, line.spans, line.errors, line.cut_at) == (timedelta(milliseconds=50), 3, 2, "5 spans")
    assert line.failed is not None
    assert (line.first.id, line.failed.id) == ("a", "b")


def test_a_trace_without_its_root_has_a_line_too() -> None:
    (line,) = lines_of(traces_of(ReadSpans(spans=(_span("t", "x", "gone"),))), TraceOrder.NEWEST)
    assert (line.first.id, line.failed) == ("x", None)
    assert lines_of((), TraceOrder.SLOW) == ()
