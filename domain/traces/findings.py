"""What makes the times or the order of a trace's spans doubtful, in words. Pure."""

from domain.traces.spans import Trace
from domain.traces.tree import SpanTree


def findings_of(trace: Trace, tree: SpanTree) -> tuple[str, ...]:
    """A sentence for each thing that was found, none for a trace that is in order."""
    ends = {child.id: span.end for span in trace.spans for child in tree.children.get(span.id, ())}
    late = sum(span.end > ends[span.id] for span in trace.spans if span.id in ends)
    missing = "lies behind the cut" if trace.cut_at else "was not sent or comes later"
    found = (
        (tree.skewed, "started before its caller: their clocks differ", "started before their callers: their clocks differ"),
        (late, "ended after its caller", "ended after their callers"),
        (len(tree.orphans), f"names a caller that {missing}", f"name a caller that {missing}"),
        (len(tree.cycles), "is its own caller, which was cut", "are their own callers, which was cut"),
    )
    return tuple(f"1 span {one}" if count == 1 else f"{count:,} spans {many}" for count, one, many in found if count)
