"""A line for each trace of a search: the slowest, or those that failed, first. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from domain.traces.spans import Span, Trace
from domain.traces.tree import tree_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TraceOrder(StrEnum):
    """Which traces come first."""

    NEWEST = "newest"
    SLOW = "slow"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLine:
    """One trace in a list. ``first`` is its root, the longest where several are there."""

    id: str
    first: Span
    started_at: datetime
    duration: timedelta
    spans: int
    errors: int
    failed: Span | None = None
    """The deepest span that failed: what failed first, where errors are passed on to callers."""
    cut_at: str = ""


def lines_of(traces: tuple[Trace, ...], order: TraceOrder) -> tuple[TraceLine, ...]:
    """The lines in this order; of ``ERRORS`` only traces in which something failed."""
    lines = [_line(trace) for trace in traces if trace.spans]
    match order:
        case TraceOrder.NEWEST:
            return tuple(sorted(lines, key=lambda line: line.started_at, reverse=True))
        case TraceOrder.SLOW:
            return tuple(sorted(lines, key=lambda line: line.duration, reverse=True))
        case TraceOrder.ERRORS:
            failed = [line for line in lines if line.errors]
            return tuple(sorted(failed, key=lambda line: (line.errors, line.started_at), reverse=True))


def _line(trace: Trace) -> TraceLine:
    tree = tree_of(trace)
    failed = [(depth, span) for depth, span in tree.walk() if span.is_error]
    return TraceLine(
        id=trace.id,
        first=max(tree.roots, key=lambda span: span.duration),
        started_at=_EPOCH + timedelta(microseconds=trace.start // 1_000),
        duration=timedelta(microseconds=trace.duration // 1_000),
        spans=len(trace.spans),
        errors=trace.errors,
        failed=max(failed, key=lambda each: each[0])[1] if failed else None,
        cut_at=trace.cut_at,
    )
