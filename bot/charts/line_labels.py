"""The labels at the right: each line's value and name, the limit, and how many lines are not drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bot.charts import style
from bot.charts.canvas import Canvas
from bot.charts.frame import Frame
from bot.charts.label_layout import spread
from bot.charts.line_selection import MOST, Line
from bot.charts.scales import Scale, digits_for
from bot.charts.text import clip_middle, common_start, drawable
from domain.metrics.chart_text import Point, limit, limit_words, number
from domain.metrics.charts import Chart

_MOST_ROOM = 440
_CONNECTOR = 34
_SPACE = 12
_BELOW_NAMES = 14
"""What a label at the top keeps from the names of what happened."""


@dataclass(frozen=True, slots=True)
class End:
    """A label. ``point`` is where its line ends; the limit and the count of lines have none."""

    level: float
    value: str
    name: str
    colour: str
    point: Point | None = None


def labels(canvas: Canvas, chart: Chart, lines: Sequence[Line], scale: Scale) -> list[End]:
    """All of them, as wide as there is room. What all names begin with stands in the heading."""
    found = [
        End(scale.place(line.last.value), number(line.last.value, digits_for(scale)), "", pen.colour, line.last)
        for line, pen in zip(lines, style.PENS, strict=False)
    ]
    if len(chart.series) > 1:
        found = [_named(canvas, *each) for each in zip(found, short_names(lines), strict=True)]
    threshold = limit(chart)
    if threshold is not None:
        arrow = "" if scale.shows(threshold) else "↑ " if threshold > scale.high else "↓ "
        beyond = ", off the chart" if arrow else ""
        level = min(1.0, max(0.0, scale.place(threshold)))
        found.append(End(level, f"{arrow}{limit_words(chart)}", beyond, style.LIMIT))
    return found


def shared_name(chart: Chart, lines: Sequence[Line]) -> str:
    """The name of the only line, or what the names of all begin with."""
    names = [drawable(line.name) for line in lines]
    if len(chart.series) == 1:
        return names[0]
    start = common_start(names)
    return f"{start}…" if start else ""


def short_names(lines: Sequence[Line]) -> list[str]:
    """Without what all begin with."""
    names = [drawable(line.name) for line in lines]
    start = common_start(names)
    return [f"…{name.removeprefix(start)}" if start else name for name in names]


def more_lines(chart: Chart, lines: Sequence[Line]) -> str:
    """``and 992 more``: those that are given and not drawn, and those that were left out before."""
    more = max(0, chart.left_out) + (len(chart.series) - len(lines) if len(lines) == MOST else 0)
    return f"and {more:,} more" if more else ""


def room_for(canvas: Canvas, ends: Sequence[End], more: str) -> float:
    """How wide the widest is, with what connects it to its line."""
    return _CONNECTOR + max([*(_width(canvas, end) for end in ends), canvas.width(more, size=style.BODY)])


def paint_ends(canvas: Canvas, frame: Frame, ends: Sequence[End], more: str) -> None:
    """As near to their lines as they can be without touching each other."""
    lowest = frame.bottom + (style.ROW if more else 0)
    heights = spread([frame.level(end.level) for end in ends], style.ROW, lowest, frame.top - _BELOW_NAMES)
    for end, height in zip(ends, heights, strict=True):
        _paint(canvas, frame, end, height)
    canvas.text((frame.right + _CONNECTOR, frame.bottom), more, style.SOFT_INK, size=style.BODY)


def _paint(canvas: Canvas, frame: Frame, end: End, height: float) -> None:
    start = frame.right + _CONNECTOR
    level = frame.level(end.level)
    way = [(frame.right + 4, level), (start - 8, height)]
    if end.point and frame.x(end.point.at) < frame.right - 12:
        canvas.line([frame.spot(end.point), way[0]], style.AXIS, width=2, dashes=(1, 3))
    canvas.line(way, end.colour, width=2)
    canvas.text((start, height), end.value, end.colour, size=style.BODY, bold=True)
    after = start + canvas.width(end.value, size=style.BODY, bold=True)
    canvas.text((after + (_SPACE if end.point else 0), height), end.name, style.INK if end.point else end.colour, size=style.BODY)


def _named(canvas: Canvas, end: End, name: str) -> End:
    room = _MOST_ROOM - _CONNECTOR - _SPACE - canvas.width(end.value, size=style.BODY, bold=True)
    shown = clip_middle(name, room, partial(canvas.width, size=style.BODY))
    return End(end.level, end.value, shown, end.colour, end.point)


def _width(canvas: Canvas, end: End) -> float:
    name = canvas.width(end.name, size=style.BODY) + _SPACE if end.name else 0
    return canvas.width(end.value, size=style.BODY, bold=True) + name
