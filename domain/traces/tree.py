"""The tree of a trace's spans, whatever is missing or wrong in it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.traces.spans import Span, Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanTree:
    """Every span is under exactly one root. ``children`` are in the order of their starts."""

    roots: tuple[Span, ...]
    children: Mapping[str, tuple[Span, ...]]
    """By the id of the parent; a span without children is absent."""
    orphans: tuple[Span, ...] = ()
    """Roots that name a parent which is not there."""
    cycles: tuple[Span, ...] = ()
    """Roots that were cut out of a cycle."""
    skewed: int = 0
    """How many spans start before their parent."""

    @property
    def longest_root(self) -> Span | None:
        """The root with the longest duration, of equal ones the first; None without spans."""
        return max(self.roots, key=lambda span: span.duration, default=None)

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Every span with its depth, parents before their children."""
        waiting = [(0, root) for root in reversed(self.roots)]
        while waiting:
            depth, span = waiting.pop()
            yield depth, span
            waiting += [(depth + 1, child) for child in reversed(self.children.get(span.id, ()))]


def tree_of(trace: Trace) -> SpanTree:
    """Build the tree. A cycle is cut at the span of it that started first."""
    by_id = {span.id: span for span in trace.spans}
    parents = {span.id: span.parent_id for span in trace.spans if span.parent_id in by_id}
    cut = _cut_cycles(parents, tuple(by_id))
    cycles = tuple(span for span in trace.spans if span.id in cut)
    children: dict[str, list[Span]] = {}
    for span in trace.spans:
        if span.id in parents:
            children.setdefault(parents[span.id], []).append(span)
    roots = tuple(span for span in trace.spans if span.id not in parents)
    return SpanTree(
        roots=roots,
        children={parent: tuple(spans) for parent, spans in children.items()},
        orphans=tuple(span for span in roots if span.parent_id and span.id not in cut),
        cycles=cycles,
        skewed=sum(by_id[child].start < by_id[parent].start for child, parent in parents.items()),
    )


def _cut_cycles(parents: dict[str, str], ids: tuple[str, ...]) -> frozenset[str]:
    """Remove one link from every cycle of ``parents``. Returns the spans that lost their parent; ids are in order of starts."""
    checked: set[str] = set()
    cut: set[str] = set()
    for first in ids:
        path: dict[str, None] = {}
        current = first
        while current in parents and current not in checked and current not in path:
            path[current] = None
            current = parents[current]
        if current in path:
            on_cycle = set(list(path)[list(path).index(current) :])
            cut_at = next(each for each in ids if each in on_cycle)
            del parents[cut_at]
            cut.add(cut_at)
        checked.update(path)
    return frozenset(cut)
