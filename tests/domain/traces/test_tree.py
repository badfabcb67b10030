"""Trees and critical paths of whole and of broken traces."""

from domain.traces.critical_path import critical_path
from domain.traces.ids import span_id, trace_id
from domain.traces.spans import ReadSpans, Span, Trace, traces_of
from domain.traces.tree import SpanTree, tree_of


def _span(name: str, parent: str = "", start: int = 0, duration: int = 100) -> Span:
    return Span(trace_id="t", id=name, parent_id=parent, service="main", operation=name, start=start, duration=duration)


def _tree(*spans: Span) -> SpanTree:
    return tree_of(Trace(id="t", spans=tuple(sorted(spans, key=lambda span: (span.start, span.id)))))


def _walk(tree: SpanTree) -> list[tuple[int, str]]:
    return [(depth, span.id) for depth, span in tree.walk()]


def _path(*spans: Span) -> dict[str, int]:
    return {share.operation: share.duration for share in critical_path(_tree(*spans))}


def test_children_follow_their_parents_in_the_order_of_their_starts() -> None:
    tree = _tree(_span("a"), _span("c", "a", 20), _span("b", "a", 10), _span("d", "b", 15))
    assert _walk(tree) == [(0, "a"), (1, "b"), (2, "d"), (1, "c")]
    assert (tree.orphans, tree.cycles, tree.skewed) == ((), (), 0)


def test_spans_whose_parent_is_missing_are_roots_and_told() -> None:
    tree = _tree(_span("a"), _span("x", "gone", 5), _span("y", "x", 6))
    assert _walk(tree) == [(0, "a"), (0, "x"), (1, "y")]
    assert [span.id for span in tree.orphans] == ["x"]


def test_cycles_are_cut_at_their_first_span_and_no_span_is_lost() -> None:
    tree = _tree(_span("a", "c", 1), _span("b", "a", 2), _span("c", "b", 3), _span("self", "self", 4), _span("d", "c", 5))
    assert _walk(tree) == [(0, "a"), (1, "b"), (2, "c"), (3, "d"), (0, "self")]
    assert [span.id for span in tree.cycles] == ["a", "self"]
    assert tree.orphans == ()


def test_a_child_that_starts_before_its_parent_is_told_as_skewed_and_counts_within_it_only() -> None:
    assert _tree(_span("a", start=100), _span("b", "a", 40)).skewed == 1
    assert _path(_span("a", start=100), _span("b", "a", 40)) == {"b": 40, "a": 60}


def test_the_path_is_what_the_end_waited_for() -> None:
    spans = (_span("a"), _span("b", "a", 10, 30), _span("c", "a", 50, 40), _span("quick", "a", 55, 5), _span("d", "c", 60, 30))
    assert _path(*spans) == {"a": 10 + 10 + 10, "b": 30, "c": 10, "d": 30}
    assert sum(_path(*spans).values()) == 100


def test_work_beside_the_last_child_was_not_waited_for() -> None:
    assert _path(_span("a"), _span("long", "a", 40, 60), _span("beside", "a", 10, 50)) == {"a": 40, "long": 60}


def test_work_that_goes_on_after_its_parent_counts_to_the_parents_end() -> None:
    assert _path(_span("a"), _span("late", "a", 90, 500)) == {"a": 90, "late": 10}


def test_spans_without_duration_are_no_part_of_the_path() -> None:
    assert _path(_span("a"), _span("zero", "a", 50, 0)) == {"a": 100}
    assert _path(_span("only", duration=0)) == {}


def test_a_chain_deeper_than_pythons_stack_has_a_tree_and_a_path() -> None:
    chain = [_span(f"{number:05}", f"{number - 1:05}" if number else "", number, 20_000 - 2 * number) for number in range(5_000)]
    tree = _tree(*chain)
    assert _walk(tree)[-1] == (4_999, "04999")
    assert sum(share.duration for share in critical_path(tree)) == 20_000


def test_a_span_that_came_twice_counts_once_and_only_the_last_trace_was_cut() -> None:
    other = Span(trace_id="u", id="a", service="main", operation="a", start=0, duration=1)
    first, last = traces_of(ReadSpans(spans=(_span("a"), _span("a"), other), cut_at="3 spans"))
    assert (first.id, len(first.spans), first.cut_at) == ("t", 1, "")
    assert (last.id, last.cut_at) == ("u", "3 spans")


def test_ids_have_all_their_digits() -> None:
    assert trace_id("0A1b") == trace_id("0" * 28 + "0a1b") == "0" * 29 + "a1b"
    assert span_id("1") == "0" * 15 + "1"
    assert [trace_id(each) for each in ("", "0", "0" * 32, "g", "1" * 33, "a b")] == [""] * 6
    assert span_id("1" * 17) == ""
