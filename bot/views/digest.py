"""Health and the digest: a line for each system, red first."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.views.markup.document import Actions, Block, Button, Context, Divider, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.answers.digest import DigestAnswer, DigestsAnswer, PlannedAudience
from domain.answers.health import EnvironmentHealth, HealthAnswer
from domain.digest.digest import DAY, Digest
from domain.digest.happened import NOTHING
from domain.digest.trends import MIN_POINTS, DigestChart
from domain.health import HealthLevel, HealthLine, LeftByNight
from domain.metrics.charts import TrendRow
from domain.rich_text import CommandMention, Timestamp
from domain.text import format_duration

LEVEL_EMOJI = {HealthLevel.RED: "🔴", HealthLevel.YELLOW: "🟡", HealthLevel.UNKNOWN: "⚪", HealthLevel.GREEN: "🟢"}
LEFT = "digest.left"
_LEFT_COMMAND = re.compile(r"[a-z]+( [a-zA-Z0-9:=./-]+){1,8}")
_MAX_LEFT = 8
MAX_BARS = 24
_BARS = "▁▂▃▄▅▆▇█"
_MAX_LINES = 30


def health(fact: HealthAnswer) -> Document:
    """Each environment with its lines, and when they were measured."""
    blocks: list[Block] = []
    for each in fact.environments:
        blocks += (
            Header(f"{_worst(each.lines)} {each.environment}"),
            Paragraph(tuple(map(health_line, _merged(each.lines))), _MAX_LINES),
        )
        blocks.append(Context(_measured(each)))
    summary = line(" · ".join(f"{_worst(each.lines)} {each.environment}" for each in fact.environments))
    return Document(summary=summary, blocks=tuple(blocks))


def digest_answer(fact: DigestAnswer) -> Document:
    """A digest that a person asked for."""
    return digest(fact.digest, is_past=fact.is_past)


def digests(fact: DigestsAnswer) -> Document:
    """When each audience gets its next digest, and which was its last."""
    return Document(summary=line("Digests"), blocks=(Header("🌅 Digests"), Paragraph(tuple(map(_audience, fact.audiences)))))


def _audience(each: PlannedAudience) -> Line:
    upcoming = line("next ", Timestamp(each.next_at)) if each.next_at else line("the next is not planned yet")
    last = CommandMention(f"digest {each.environment} --for {each.last:%Y-%m-%d}") if each.last else "none yet"
    waits = "" if each.is_delivered or each.last is None else "not in Slack yet"
    return join_dots(Strong(f"{each.audience} ({each.environment})"), upcoming, line("last: ", last), waits)


def digest(fact: Digest, *, is_past: bool = False) -> Document:
    """A line for each system, what happened since the one before, and what the night left behind, each with its button.

    One of the past has no buttons: what they would do was meant for what stood then.
    """
    title = f"{_worst(fact.lines)} {fact.greeting} · {fact.period:%a %d %b} · {fact.environment}"
    blocks: list[Block] = [Header(title), Paragraph(_lines(fact), _MAX_LINES)]
    since = join_dots(*fact.since_yesterday) or line(NOTHING)
    blocks.append(Paragraph((line(Strong(f"since {_before(fact)}"), " ", since),)))
    if fact.today:
        blocks.append(Paragraph((line(Strong("today"), " ", join_dots(*fact.today)),)))
    blocks += _left(fact, with_buttons=not is_past)
    if fact.problems:
        blocks.append(Paragraph(tuple(line("⚪ ", problem) for problem in fact.problems)))
    made = line("measured ", Timestamp(fact.made_at))
    late = line("late: it was due ", Timestamp(fact.due_at)) if fact.is_late and fact.due_at else ""
    blocks.append(Context(join_dots(made, late, "as it was then" if is_past else "")))
    red = ", ".join(dict.fromkeys(each.system for each in fact.lines if each.level is HealthLevel.RED))
    return Document(summary=line(f"{title} · red: {red}" if red else title), blocks=tuple(blocks))


def _before(fact: Digest) -> str:
    return "yesterday" if fact.since is None or fact.is_of_one_day else f"{fact.since:%a %d %b}"


def _lines(fact: Digest) -> tuple[Line, ...]:
    """Each system, red first. Those that are well and have no number to compare share the last line."""
    compared = dict(fact.comparisons)
    well = [each for each in fact.lines if _is_plain(each) and each.system not in compared]
    shown = [health_line(each, compared.get(each.system, "")) for each in _merged(fact.lines) if each not in well]
    if well:
        names = (line(Strong(each.system), " ", each.text) for each in well)
        shown.append(line(LEVEL_EMOJI[HealthLevel.GREEN], " ", join_dots(*names)))
    return tuple(shown) or (line("nothing is measured here"),)


def _merged(lines: Iterable[HealthLine]) -> tuple[HealthLine, ...]:
    """Those that are unknown for the same reason as one line: a server that is down is said once."""
    merged: dict[tuple[object, ...], HealthLine] = {}
    for number, each in enumerate(lines):
        key = (each.text, each.commands) if each.level is HealthLevel.UNKNOWN else (number,)
        merged[key] = replace(each, system=f"{merged[key].system}, {each.system}") if key in merged else each
    return tuple(merged.values())


def _is_plain(each: HealthLine) -> bool:
    return each.level is HealthLevel.GREEN and not any(value is not None for value in each.series)


def _left(fact: Digest, *, with_buttons: bool) -> list[Block]:
    if not fact.left:
        return []
    title = "What the night left behind" if fact.is_of_one_day else f"Left behind since {_before(fact)}"
    blocks: list[Block] = [Divider(), Paragraph((line(Strong(title)),))]
    for item in fact.left[:_MAX_LEFT]:
        blocks.append(Paragraph((line(item.text, " · ", CommandMention(item.command)),)))
        blocks += [Actions((_left_button(item),))] if with_buttons else []
    more = len(fact.left) - _MAX_LEFT
    return [*blocks, *([Context(line(f"and {more} more"))] if more > 0 else [])]


def chart(fact: DigestChart) -> Document:
    """The picture of a digest; its numbers also in words."""
    rows = tuple(line(Strong(row.name), f" {_in_words(row)}") for row in fact.chart.rows)
    summary = line(f"{fact.chart.title}, {fact.chart.subtitle}")
    return Document(summary=summary, blocks=(Paragraph((line(Strong(fact.chart.title)), *rows), _MAX_LINES),), chart=fact.chart)


def _in_words(row: TrendRow) -> str:
    extremes = f"lowest {row.low}, highest {row.high}" if row.low != row.high else f"always {row.low}"
    return f"{row.value} · {row.span}: {extremes}"


def _left_button(item: LeftByNight) -> Button:
    return Button(text=item.label, action=LEFT, value=item.command)


def left_command(value: str) -> str | None:
    """The command of a button under what the night left behind; a word of it alone is none."""
    return value if _LEFT_COMMAND.fullmatch(value) else None


def health_line(each: HealthLine, compared: str = "") -> Line:
    """The system, what was found, its sparkline, how it compares, and what shows more where it is not well."""
    command = CommandMention(each.commands[0]) if each.commands and each.level is not HealthLevel.GREEN else ""
    bars = sparkline(each.series)
    what = line(LEVEL_EMOJI[each.level], " ", Strong(each.system), " ", each.text, f" {bars}" if bars else "")
    return join_dots(what, compared, command)


def sparkline(values: Sequence[float | None]) -> str:
    """The values of the last day as bars, the newest last; a gap for what was not measured. Empty without two.

    Where the first value is younger than a day, the time since then is said: ``▁▃▅ (last 3 h)``.
    """
    shown = values[-MAX_BARS:]
    known = [value for value in shown if value is not None]
    if len(known) < MIN_POINTS:
        return ""
    first = next(place for place, value in enumerate(shown) if value is not None)
    low, span = min(known), max(known) - min(known)
    step = span / (len(_BARS) - 1) if span > 0 else math.inf
    bars = "".join(_BARS[round((value - low) / step)] if value is not None else " " for value in shown[first:])
    return f"{bars} (last {format_duration((len(shown) - first) * DAY / len(values))})" if first else bars


def _worst(lines: Iterable[HealthLine]) -> str:
    return LEVEL_EMOJI[min((each.level for each in lines), key=lambda level: level.rank, default=HealthLevel.UNKNOWN)]


def _measured(fact: EnvironmentHealth) -> Line:
    times = [each.measured_at for each in fact.lines]
    return line("measured ", Timestamp(min(times))) if times else line("nothing is measured here")
