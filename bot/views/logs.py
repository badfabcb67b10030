"""Logs: patterns with counts, then the lines themselves."""

from collections.abc import Sequence
from datetime import UTC

from bot.views import phrases
from bot.views.markup.document import Block, CodeBlock, Context, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.answers.logs import LogPatternsAnswer, LogsAnswer
from domain.logs.follows import LogFollow
from domain.logs.lines import LogLine, LogPage
from domain.logs.patterns import LogPattern
from domain.rich_text import Code, CommandMention, Text, Timestamp
from domain.text import and_more, clip

_MAX_PATTERNS, _MAX_PATTERNS_ALONE = 5, 20
_MAX_LINES = 15
"""A line takes two or three of a phone."""
_MAX_FILE = 600_000
"""Characters of a file, whose oldest lines are left out."""
_PATTERN_LENGTH = 110
"""A pattern takes at most three lines of a phone."""


def logs(fact: LogsAnswer) -> Document:
    """Patterns, those of errors first, and the newest lines."""
    title = f"📜 {fact.service} in {fact.environment}: {_count(fact.page)}"
    blocks: list[Block] = [Header(title), *_problems(fact.problem, fact.page)]
    if fact.page and len(fact.patterns) < len(fact.page.lines):
        blocks.append(_patterns(sorted(fact.patterns, key=lambda each: not each.is_bad), _MAX_PATTERNS))
    if fact.page and fact.page.lines:
        blocks.append(CodeBlock(_lines(fact.page.lines), _MAX_LINES))
    if fact.note:
        blocks.append(Paragraph((line(fact.note),)))
    blocks.append(Context(_about(fact)))
    return Document(summary=line(title), blocks=tuple(blocks))


def patterns(fact: LogPatternsAnswer) -> Document:
    """All patterns: new ones and errors first."""
    title = f"📜 {fact.service} in {fact.environment}: {phrases.pluralize(len(fact.patterns), 'pattern')}"
    blocks: list[Block] = [Header(title), *_problems(fact.problem, fact.page)]
    ordered = sorted(fact.patterns, key=lambda each: (not each.is_new, not each.is_bad, -each.count))
    blocks += [_patterns(ordered, _MAX_PATTERNS_ALONE)] if ordered else []
    compared = "🆕 was not there in as long a time before" if fact.is_compared else "what is new cannot be told"
    blocks.append(Context(join_dots(_count(fact.page), compared if fact.page else "", _about(fact))))
    return Document(summary=line(title), blocks=tuple(blocks))


def follow(fact: LogFollow) -> Document:
    """The newest lines, and until when they come."""
    state = "ended" if fact.is_over else "following"
    title = f"📜 {fact.service} in {fact.environment}, {state}: {phrases.pluralize(fact.total, 'line')}"
    blocks: list[Block] = [Header(title)]
    blocks += [Paragraph((line("❔ ", fact.problem),))] if fact.problem else []
    blocks.append(
        CodeBlock(_lines(fact.lines)) if fact.lines else Paragraph((line("No line yet." if not fact.is_over else "No line."),))
    )
    end = "you began to follow something else" if fact.was_replaced else line("until ", Timestamp(fact.until))
    words = line("lines with ", Code(str(fact.filter))) if fact.filter.terms else ()
    blocks.append(Context(join_dots(words, line("from ", Timestamp(fact.since)), end, "times of lines are UTC")))
    return Document(summary=line(title), blocks=tuple(blocks), overflows_to_file=False)


def _count(page: LogPage | None) -> str:
    if page is None:
        return "not known"
    if not page.total:
        return "no lines"
    count = phrases.pluralize(page.total, "line")
    return f"more than {count}" if page.is_at_least else count


def _problems(problem: Text, page: LogPage | None) -> list[Block]:
    lines = [line("❔ ", problem)] if problem else []
    lines += [line("⚠️ ", note) for note in (page.notes if page else ())]
    return [Paragraph(tuple(lines))] if lines else []


def _patterns(found: Sequence[LogPattern], shown: int) -> Paragraph:
    more = len(found) - shown
    lines = tuple(_pattern(each) for each in found[:shown])
    return Paragraph((*lines, line(and_more(more))) if more > 0 else lines, max_lines=shown + 1)


def _pattern(each: LogPattern) -> Line:
    mark = "🆕 " if each.is_new else "🔴 " if each.is_bad else "▫️ "
    return join_dots(line(mark, Strong(f"{each.count:,}x"), f" {clip(each.text, _PATTERN_LENGTH)}"), _times(each))


def _times(each: LogPattern) -> str:
    """In UTC, as the lines are; with the day, where there are several."""
    first, last = each.first_at.astimezone(UTC), each.last_at.astimezone(UTC)
    form = "%H:%M:%S" if first.date() == last.date() else "%d %b %H:%M"
    begin, end = f"{first:{form}}", f"{last:{form}}"
    return begin if begin == end else f"{begin} to {end}"


def _lines(lines: Sequence[LogLine]) -> tuple[str, ...]:
    """With the time in UTC, and the end of the pod's name where there are several."""
    has_pods = len({each.pod for each in lines}) > 1
    while len(lines) > _MAX_LINES and sum(len(each.text) for each in lines) > _MAX_FILE:
        lines = lines[len(lines) // 4 :]
    return tuple(f"{each.at.astimezone(UTC):%H:%M:%S} {f'{each.pod[-5:]} ' if has_pods else ''}{each.plain}" for each in lines)


def _about(fact: LogsAnswer | LogPatternsAnswer) -> Line:
    page = fact.page
    words = line("lines with ", Code(fact.words)) if fact.words else ()
    read = f"the newest {len(page.lines):,} were read" if page and page.total > len(page.lines) else ""
    source = f"from {page.source}" if page else ""
    time = line("from ", Timestamp(fact.since), " to ", Timestamp(fact.until))
    other = f"logs patterns {fact.environment} {fact.service}"
    more = CommandMention(other) if isinstance(fact, LogsAnswer) and page and page.lines else ""
    zone = "times of lines are UTC" if page and page.lines else ""
    return join_dots(words, source, read, time, zone, more)
