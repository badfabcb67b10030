"""The picture of a trace: its most important spans, what its end waited for, and what is wrong with its times. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.metrics.charts import Stretch, WaterfallBar, WaterfallChart
from domain.text import and_more
from domain.traces.critical_path import path_stretches
from domain.traces.durations import format_span_time
from domain.traces.findings import findings_of
from domain.traces.spans import Span, Trace
from domain.traces.tree import SpanTree, tree_of

MAX_BARS = 12
"""More rows make letters that a phone cannot show."""
MAX_ERRORS = 4
"""Failed spans that come before those of the critical path."""
_MAX_SPREAD = 20
"""A trace of more than so many times its longest span is drawn around its longest root: its bars would be dots."""
_MIN_WIDTH = 1_000
"""Nanoseconds that a picture is wide at least, for a trace whose spans took none."""
_MIN_GAP = 0.01
"""Share of the width from which on a time without work is shown."""


@dataclass(frozen=True, slots=True)
class _Window:
    """What the picture shows, in nanoseconds since 1970."""

    since: int
    until: int
    zero: int
    """Where the time axis begins to count."""

    def stretch(self, begin: int, end: int) -> Stretch:
        """As shares of the width."""
        width = self.until - self.since
        return (begin - self.since) / width, (end - self.since) / width


def waterfall_of(trace: Trace) -> WaterfallChart:
    """The chart of a trace with at least one span."""
    tree = tree_of(trace)
    path = _path(tree)
    drawn = _most_important(trace, tree, path)
    window = _window_of(trace, tree)
    root = tree.longest_root or trace.spans[0]
    errors = f"{trace.errors:,} failed" if trace.errors else ""
    counts = f"{len(trace.spans):,} span{'' if len(trace.spans) == 1 else 's'}"
    return WaterfallChart(
        title=f"{format_span_time(root.duration)}  {_name(root)}",
        subtitle="  ·  ".join(filter(None, (f"trace {trace.id[:8]}", counts, errors))),
        bars=tuple(_bars(tree, drawn, path, window)),
        origin=window.since - window.zero,
        width=window.until - window.since,
        # Where spans are missing, a time without work may be one of work that was not read.
        gaps=() if trace.cut_at else tuple(_gaps(trace, window)),
        notes=tuple(_notes(trace, tree, window, left_out=len(trace.spans) - len(drawn))),
    )


def _path(tree: SpanTree) -> Mapping[str, list[tuple[int, int]]]:
    stretches: dict[str, list[tuple[int, int]]] = {}
    for each in path_stretches(tree):
        stretches.setdefault(each.span.id, []).append((each.begin, each.end))
    return stretches


def _most_important(trace: Trace, tree: SpanTree, path: Mapping[str, list[tuple[int, int]]]) -> frozenset[str]:
    """The ids of the longest root, of where failures began, of the largest shares of the critical path, of the longest."""
    waited = {span_id: sum(end - begin for begin, end in stretches) for span_id, stretches in path.items()}
    origins = [span for span in trace.spans if span.is_error and not _has_failed_child(tree, span)]
    longest = sorted(trace.spans, key=lambda span: -span.duration)
    root = tree.longest_root
    ranked: dict[str, None] = {root.id: None} if root is not None else {}
    ranked.update(dict.fromkeys(span.id for span in sorted(origins, key=lambda span: -span.duration)[:MAX_ERRORS]))
    ranked.update(dict.fromkeys(sorted(waited, key=lambda span_id: -waited[span_id])))
    ranked.update(dict.fromkeys(span.id for span in longest))
    return frozenset(list(ranked)[:MAX_BARS])


def _has_failed_child(tree: SpanTree, span: Span) -> bool:
    return any(child.is_error for child in tree.children.get(span.id, ()))


def _window_of(trace: Trace, tree: SpanTree) -> _Window:
    """The whole trace, or the time around its longest root where another clock or a late span would shrink all to dots."""
    longest, root = max(span.duration for span in trace.spans), tree.longest_root
    if root is None or not longest or trace.duration <= _MAX_SPREAD * longest:
        return _Window(trace.start, trace.start + max(trace.duration, _MIN_WIDTH), trace.start)
    margin = max(root.duration, longest) // 10 + 1
    return _Window(root.start - margin, root.end + margin, root.start)


def _bars(
    tree: SpanTree, drawn: frozenset[str], path: Mapping[str, list[tuple[int, int]]], window: _Window
) -> Iterator[WaterfallBar]:
    above: list[tuple[int, Span]] = []
    parents = {child.id: span for _, span in tree.walk() for child in tree.children.get(span.id, ()) if child.id in drawn}
    for depth, span in tree.walk():
        while above and above[-1][0] >= depth:
            above.pop()
        if span.id not in drawn:
            continue
        parent = parents.get(span.id)
        yield WaterfallBar(
            name=_name(span),
            value=format_span_time(span.duration),
            depth=len(above),
            extent=window.stretch(span.start, span.end),
            waited_for=tuple(window.stretch(begin, end) for begin, end in path.get(span.id, ())),
            outside=tuple(window.stretch(begin, end) for begin, end in _outside(span, parent)) if parent else (),
            is_error=span.is_error,
            is_detached=depth > 0 and (not above or above[-1][0] != depth - 1),
        )
        above.append((depth, span))


def _name(span: Span) -> str:
    return f"{span.service} {span.operation}".strip() or "without a name"


def _outside(span: Span, parent: Span) -> Iterator[tuple[int, int]]:
    if span.start < parent.start:
        yield span.start, min(span.end, parent.start)
    if span.end > parent.end:
        yield max(span.start, parent.end), span.end


def _gaps(trace: Trace, window: _Window) -> Iterator[Stretch]:
    """The times between the first start and the last end in which no span ran, as far as the picture shows them."""
    reached = trace.start
    for span in trace.spans:
        begin, end = max(reached, window.since), min(span.start, window.until)
        if end - begin > _MIN_GAP * (window.until - window.since):
            yield window.stretch(begin, end)
        reached = max(reached, span.end)


def _notes(trace: Trace, tree: SpanTree, window: _Window, *, left_out: int) -> Iterator[str]:
    if left_out or trace.cut_at:
        cut = f"cut at {trace.cut_at}: there is more" if trace.cut_at else ""
        yield ", ".join(filter(None, (f"{and_more(left_out)} span{'' if left_out == 1 else 's'}" if left_out else "", cut)))
    beyond = sum(span.end < window.since or span.start > window.until for span in trace.spans)
    if beyond:
        lie = "span lies" if beyond == 1 else "spans lie"
        yield f"{beyond:,} {lie} beyond this time: the whole is {format_span_time(trace.duration)} long"
    yield from findings_of(trace, tree)
