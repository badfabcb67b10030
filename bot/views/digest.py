"""Health and the digest: a line for each system, red first."""

import math
from collections.abc import Iterable, Sequence

from bot.views.markup.document import Block, Context, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.answers.health import EnvironmentHealth, HealthAnswer
from domain.health import HealthLevel, HealthLine
from domain.rich_text import CommandMention, Timestamp

LEVEL_EMOJI = {HealthLevel.RED: "🔴", HealthLevel.YELLOW: "🟡", HealthLevel.UNKNOWN: "⚪", HealthLevel.GREEN: "🟢"}
MAX_BARS = 24
_BARS = "▁▂▃▄▅▆▇█"
_MAX_LINES = 30


def health(fact: HealthAnswer) -> Document:
    """Each environment with its lines, and when they were measured."""
    blocks: list[Block] = []
    for each in fact.environments:
        blocks += (Header(f"{_worst(each.lines)} {each.environment}"), Paragraph(tuple(map(health_line, each.lines)), _MAX_LINES))
        blocks.append(Context(_measured(each)))
    summary = line(" · ".join(f"{_worst(each.lines)} {each.environment}" for each in fact.environments))
    return Document(summary=summary, blocks=tuple(blocks))


def health_line(each: HealthLine) -> Line:
    """The system, what was found, its sparkline, and what shows more where it is not well."""
    command = CommandMention(each.commands[0]) if each.commands and each.level is not HealthLevel.GREEN else ""
    return join_dots(line(LEVEL_EMOJI[each.level], " ", Strong(each.system), " ", each.text), sparkline(each.series), command)


def sparkline(values: Sequence[float]) -> str:
    """The values as bars, at most ``MAX_BARS``, the newest last; a gap for what is no number. Empty without any number."""
    shown = values[-MAX_BARS:]
    known = [value for value in shown if math.isfinite(value)]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    step = span / (len(_BARS) - 1) if span > 0 else math.inf
    return "".join(_BARS[round((value - low) / step)] if math.isfinite(value) else " " for value in shown)


def _worst(lines: Iterable[HealthLine]) -> str:
    return LEVEL_EMOJI[min((each.level for each in lines), key=lambda level: level.rank, default=HealthLevel.UNKNOWN)]


def _measured(fact: EnvironmentHealth) -> Line:
    times = [each.measured_at for each in fact.lines]
    return line("measured ", Timestamp(min(times))) if times else line("nothing is measured here")
