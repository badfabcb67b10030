"""Traces: a line each, and one as a waterfall in words and as a picture."""

from collections.abc import Sequence
from itertools import takewhile

from bot.views import phrases
from bot.views.markup.document import Block, CodeBlock, Context, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line, stack
from domain.answers.traces import TraceAnswer, TraceComparison, TraceRow, TracesAnswer
from domain.rich_text import Code, CommandMention, Timestamp
from domain.text import and_more, clip
from domain.traces.durations import format_span_time
from domain.traces.listing import TraceLine, TraceOrder
from domain.traces.picture import TracePicture

_ORDERS = {TraceOrder.NEWEST: "newest traces", TraceOrder.SLOW: "slowest traces", TraceOrder.ERRORS: "traces with errors"}
_MAX_LINES = 10
_BAR_CELLS, _TIME_CELLS, _NAME_LENGTH = 10, 7, 17
"""Letters of a bar, of its duration and of its name: with the gaps 36, which is a line on a phone."""
_MAX_INDENT = 4


def traces(fact: TracesAnswer) -> Document:
    """The first traces, each with what to type to see it."""
    title = f"🧵 {_ORDERS[fact.order]} of {fact.service} in {fact.environment}"
    blocks: list[Block] = [Header(title)]
    if fact.problem:
        blocks.append(Paragraph((line("❔ ", fact.problem),)))
    elif not fact.lines:
        blocks.append(Paragraph((line("None in that time."),)))
    else:
        blocks.append(Paragraph(tuple(_listed(each, fact.environment) for each in fact.lines[:_MAX_LINES])))
    more = len(fact.lines) - _MAX_LINES
    name = f"in Jaeger it is {fact.jaeger_service}" if fact.jaeger_service != fact.service else ""
    cut = f"cut at {fact.cut_at}: there may be more" if fact.cut_at else ""
    time = line("from ", Timestamp(fact.since), " to ", Timestamp(fact.until))
    blocks.append(Context(join_dots(f"and {more} more" if more > 0 else "", name, cut, time)))
    return Document(summary=line(title), blocks=tuple(blocks))


def trace(fact: TraceAnswer) -> Document:
    """What ran when, and what the end waited for."""
    trace_ = fact.trace
    if trace_ is None:
        return Document(summary=line(f"Trace {fact.id}"), blocks=(Paragraph((line("❔ ", fact.problem),)),))
    title = f"🧵 Trace {fact.id[:8]} in {fact.environment}: {format_span_time(fact.duration)}"
    blocks: list[Block] = [Header(title)]
    waited = [f"{share.service} {share.operation} {format_span_time(share.duration)}" for share in fact.path]
    blocks.append(Paragraph((line(Strong("Its end waited for")), *(line("• ", each) for each in waited))))
    shared = _shared(fact.rows)
    blocks.append(CodeBlock(tuple(_row(each, shared) for each in fact.rows)))
    more = f"{and_more(fact.spans - len(fact.rows))} spans" if fact.spans > len(fact.rows) else ""
    cut = f"cut at {trace_.cut_at}" if trace_.cut_at else ""
    warnings = tuple(dict.fromkeys((*fact.findings, *(warning for span in trace_.spans for warning in span.warnings))))
    blocks += [Paragraph(tuple(line("⚠️ ", each) for each in warnings), max_lines=5)] if warnings else []
    picture = "a picture follows in a direct message" if fact.picture_follows else ""
    blocks.append(Context(join_dots(more, cut, picture, Code(fact.id), fact.url)))
    return Document(summary=line(title), blocks=tuple(blocks))


def comparison(fact: TraceComparison) -> Document:
    """The largest differences first."""
    title = f"🧵 {fact.first[:8]} and {fact.second[:8]} in {fact.environment}"
    if fact.problem:
        return Document(summary=line(title), blocks=(Header(title), Paragraph((line("❔ ", fact.problem),))))
    first, second = fact.durations
    whole = line(Strong("all in all"), f" {format_span_time(first)} → {format_span_time(second)}")
    shares = tuple(line(f"{name} {format_span_time(before)} → {format_span_time(after)}") for name, before, after in fact.shares)
    note = line("what the end of each waited for, the largest difference first")
    return Document(summary=line(title), blocks=(Header(title), Paragraph((whole, *shares)), Context(note)))


def picture(fact: TracePicture) -> Document:
    """The waterfall, and in words what it is of."""
    chart = fact.chart
    title = join_dots(Strong(f"🧵 {chart.title}"), fact.environment, chart.subtitle)
    notes = tuple(line(each) for each in chart.notes)
    follow = line(CommandMention(f"trace {fact.trace_id} {fact.environment}"), " says it in words")
    return Document(summary=title, blocks=(Paragraph((title, *notes)), Context(follow)), chart=chart)


def _listed(each: TraceLine, environment: str) -> Line:
    spans = phrases.pluralize(each.spans, "span")
    errors = f"{phrases.pluralize(each.errors, 'error')}" if each.errors else ""
    duration = format_span_time(round(each.duration.total_seconds() * 10**9))
    first = join_dots(line("🔴 " if each.errors else "▫️ ", Strong(duration), f" {each.first.operation}"), spans, errors)
    failed = each.failed
    problem = f"{failed.service} {failed.operation}: {failed.problem or 'failed'}" if failed is not None else ""
    cut = f"cut at {each.cut_at}" if each.cut_at else ""
    return stack(first, line(problem), join_dots(CommandMention(f"trace {each.id} {environment}"), cut))


def _row(row: TraceRow, shared: str) -> str:
    begin = min(round(row.begin * _BAR_CELLS), _BAR_CELLS - 1)
    end = min(max(round(row.end * _BAR_CELLS), begin + 1), _BAR_CELLS)
    bar = "·" * begin + "█" * (end - begin) + "·" * (_BAR_CELLS - end)
    indent = " " * min(row.depth, _MAX_INDENT) + ("✗ " if row.is_error else "")
    name = clip(f"{row.service.removeprefix(shared)} {row.operation}", _NAME_LENGTH - len(indent))
    return f"{bar} {format_span_time(row.duration):>{_TIME_CELLS}} {indent}{name}"


def _shared(rows: Sequence[TraceRow]) -> str:
    """How the names of all services begin, up to a separator: it takes the room of what tells them apart."""
    names = sorted({row.service for row in rows})
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)) if len(names) > 1 else ()
    start = "".join(letters[0] for letters in same)
    return start[: max(map(start.rfind, "-._/")) + 1]
