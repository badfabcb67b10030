"""What happened meanwhile: a line through the plot for each thing, named above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bot.charts import style
from bot.charts.canvas import Canvas
from bot.charts.frame import Frame
from bot.charts.label_layout import Flag, flags
from bot.charts.text import clip_end, drawable
from domain.metrics.charts import Chart

_MOST = 40
"""More than this are a wall; the latest are drawn."""
_LABEL_ROOM = 420
_ROWS = 3
_GAP = 18
_SAME = 5
"""Pixels between two lines that look like one."""
_NOTCH = 22
_INDENT = 10
"""From a line to its name."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where it is, in pixels, and its name with its place; None where there is no room for one."""

    x: float
    label: str
    flag: Flag | None


def marks_of(canvas: Canvas, chart: Chart, frame: Frame) -> list[Mark]:
    """Those in the window, with their names placed."""
    measure = partial(canvas.width, size=style.BODY)
    found = [(x, clip_end(name, _LABEL_ROOM, measure)) for x, name in _together(chart, frame).items()]
    lines = [(x, measure(name) + _INDENT) for x, name in found]
    placed = flags(lines, _ROWS, left=style.MARGIN, right=style.WIDTH - style.MARGIN, gap=_GAP)
    return [Mark(x, name, flag if name else None) for (x, name), flag in zip(found, placed, strict=True)]


def _together(chart: Chart, frame: Frame) -> dict[float, str]:
    """What happened at the same moment, as far as a picture can tell, has one line and one label."""
    inside = [each for each in chart.markers if chart.since <= each.at <= chart.until]
    names: dict[float, str] = {}
    for each in sorted(inside, key=lambda each: each.at)[-_MOST:]:
        x, name = frame.x(each.at.timestamp()), drawable(each.text)
        if names and x - max(names) < _SAME:
            x = max(names)
        names[x] = ", ".join(dict.fromkeys(filter(None, [names.get(x, ""), name])))
    return names


def rows(marks: Sequence[Mark]) -> int:
    """How many rows of names there are above the plot."""
    return max((mark.flag.row + 1 for mark in marks if mark.flag), default=0)


def paint_marks(canvas: Canvas, frame: Frame, marks: Sequence[Mark]) -> None:
    """A line with its name; a short one where there was no room for a name, so that many do not make a fence."""
    for mark in marks:
        if mark.flag:
            _paint_named(canvas, frame, mark, mark.flag)
        else:
            canvas.line([(mark.x, frame.top - _NOTCH), (mark.x, frame.top)], style.MARK, width=2.5)


def _paint_named(canvas: Canvas, frame: Frame, mark: Mark, flag: Flag) -> None:
    height = frame.top + 20 + flag.row * style.ROW
    canvas.line([(mark.x, frame.bottom), (mark.x, height + 8)], style.MARK, width=2.5)
    is_right = flag.start == flag.at
    start = mark.x + (_INDENT if is_right else -_INDENT)
    canvas.text((start, height), mark.label, style.MARK, size=style.BODY, align="left" if is_right else "right")
