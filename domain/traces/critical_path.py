"""The critical path of a trace: the work that the end of its root waited for. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.traces.spans import Span
from domain.traces.tree import SpanTree


@dataclass(frozen=True, slots=True, kw_only=True)
class PathShare:
    """How many nanoseconds the end of the root waited for the work of one operation itself, not for what it called."""

    service: str
    operation: str
    duration: int


@dataclass(frozen=True, slots=True)
class PathStretch:
    """Work of a span itself that the end of the root waited for: begin and end in nanoseconds since 1970."""

    span: Span
    begin: int
    end: int


def critical_path(tree: SpanTree) -> tuple[PathShare, ...]:
    """The shares of the longest root, the largest first. Together they are its duration."""
    sums: dict[tuple[str, str], int] = {}
    for stretch in path_stretches(tree):
        key = stretch.span.service, stretch.span.operation
        sums[key] = sums.get(key, 0) + stretch.end - stretch.begin
    shares = (
        PathShare(service=service, operation=operation, duration=duration) for (service, operation), duration in sums.items()
    )
    return tuple(sorted(shares, key=lambda share: -share.duration))


def path_stretches(tree: SpanTree) -> Iterator[PathStretch]:
    """The stretches of the longest root, none where there is no span. They do not overlap, and together are its duration.

    From the end backwards: the child that ended last was waited for, then what came before it started.

    A child counts within its parent only: clocks differ, and work may go on after whoever started it.
    """
    root = tree.longest_root
    waiting = [PathStretch(root, root.start, root.end)] if root is not None else []
    while waiting:
        within = waiting.pop()
        cursor = within.end
        for begin, end, child in _inside(tree, within):
            # What was still running when the next one started did not hold it up.
            if end > cursor:
                continue
            if end < cursor:
                yield PathStretch(within.span, end, cursor)
            waiting.append(PathStretch(child, begin, end))
            cursor = begin
        if within.begin < cursor:
            yield PathStretch(within.span, within.begin, cursor)


def _inside(tree: SpanTree, within: PathStretch) -> list[tuple[int, int, Span]]:
    """The children that ran in the stretch, with their begins and ends in it, the last end first, of equal ends the longest."""
    clipped = [
        (max(child.start, within.begin), min(child.end, within.end), child) for child in tree.children.get(within.span.id, ())
    ]
    return sorted((each for each in clipped if each[0] < each[1]), key=lambda each: (-each[1], each[0]))
