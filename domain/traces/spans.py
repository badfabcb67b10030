"""Spans and traces, as they were read. Times are integers of nanoseconds since 1970: a float would lose the last digits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One piece of work of one service. ``trace_id`` has 32 digits, ``id`` and ``parent_id`` have 16."""

    trace_id: str
    id: str
    parent_id: str = ""
    """Empty for the first span of a trace."""
    service: str
    operation: str
    start: int
    """Nanoseconds since 1970, by the clock of the machine on which it ran."""
    duration: int
    """Nanoseconds, 0 or more."""
    is_error: bool = False
    problem: str = ""
    """The message of its status."""
    warnings: tuple[str, ...] = ()
    """What Jaeger says of the span, such as that its trace was cut."""

    @property
    def end(self) -> int:
        """When it ended, in nanoseconds since 1970."""
        return self.start + self.duration


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanBudget:
    """How much of an answer is read."""

    spans: int = 5_000
    bytes: int = 20 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSpans:
    """What was read of an answer. ``cut_at`` names the budget that ended the reading; empty where all was read."""

    spans: tuple[Span, ...]
    cut_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The spans of one id that were read, in the order of their starts."""

    id: str
    spans: tuple[Span, ...]
    cut_at: str = ""

    @property
    def start(self) -> int:
        """When its first span started, in nanoseconds since 1970."""
        return min(span.start for span in self.spans)

    @property
    def duration(self) -> int:
        """From the first start to the last end, in nanoseconds."""
        return max(span.end for span in self.spans) - self.start

    @property
    def errors(self) -> int:
        """How many spans failed."""
        return sum(span.is_error for span in self.spans)


def traces_of(read: ReadSpans) -> tuple[Trace, ...]:
    """The traces in the order in which they were answered; a span that came twice counts once."""
    found: dict[str, dict[str, Span]] = {}
    for span in read.spans:
        found.setdefault(span.trace_id, {}).setdefault(span.id, span)
    last = next(reversed(found), "")
    # Answers come trace by trace: only the one that was being read is incomplete.
    return tuple(
        Trace(
            id=trace_id,
            spans=tuple(sorted(spans.values(), key=lambda span: (span.start, span.id))),
            cut_at=read.cut_at if trace_id == last else "",
        )
        for trace_id, spans in found.items()
    )
