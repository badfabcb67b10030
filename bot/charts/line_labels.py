"""Labels right of the plot: each line's value and name, the limit, and the number of lines not drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bot.charts import style
from bot.charts.canvas import Canvas
from bot.charts.frame import Frame
from bot.charts.label_layout import spread
from bot.charts.line_selection import ChartLine, max_lines
from bot.charts.scales import AxisScale, digits_for
from bot.charts.text import clip_middle, common_start, drawable
from domain.metrics.chart_text import Point, finite_threshold, format_number, limit_text
from domain.metrics.charts import Chart
from domain.text import and_more

_MAX_LABEL_WIDTH = 440
_CONNECTOR_WIDTH = 34
_NAME_GAP = 12
_TOP_CLEARANCE = 14
"""Pixels between the highest label and the labels of event markers."""


@dataclass(frozen=True, slots=True)
class LineLabel:
    """A label. ``level``: wanted height, 0 to 1. ``point``: where its line ends; None for the limit."""

    level: float
    value: str
    name: str
    colour: str
    point: Point | None = None


def line_labels(canvas: Canvas, chart: Chart, lines: Sequence[ChartLine], scale: AxisScale) -> list[LineLabel]:
    """Labels of all lines and the limit. Names are without the prefix that all share, which is in the heading."""
    digits = digits_for(scale)
    result = [
        LineLabel(
            scale.position(line.last.value),
            format_number(line.last.value, digits),
            "",
            style.PENS[line.number].colour,
            line.last,
        )
        for line in lines
    ]
    if len(chart.series) > 1:
        result = [_named(canvas, label, name) for label, name in zip(result, short_names(chart, lines), strict=True)]
    threshold = finite_threshold(chart)
    if threshold is not None:
        arrow = "" if scale.shows(threshold) else "↑ " if threshold > scale.high else "↓ "
        beyond = ", off the chart" if arrow else ""
        level = min(1.0, max(0.0, scale.position(threshold)))
        result.append(LineLabel(level, f"{arrow}{limit_text(chart)}", beyond, style.LIMIT))
    return result


def shared_name(chart: Chart, lines: Sequence[ChartLine]) -> str:
    """The name of the only line, or the prefix that all names share."""
    names = [drawable(line.name) for line in lines if not line.earlier]
    if len(chart.current) == 1:
        return names[0]
    start = common_start(names)
    return f"{start}…" if start else ""


def short_names(chart: Chart, lines: Sequence[ChartLine]) -> list[str]:
    """The lines' names without the prefix that all share. The only one is in the heading, and a line of earlier says so."""
    names = [drawable(line.name) for line in lines if not line.earlier]
    start = common_start(names)
    short = [f"…{name.removeprefix(start)}" if start else name for name in names] if len(chart.current) > 1 else [""]
    return [*short, *(line.earlier for line in lines if line.earlier)]


def more_lines(chart: Chart, lines: Sequence[ChartLine]) -> str:
    """`and 992 more`: series that are not drawn, and series that the query left out."""
    drawn = sum(not line.earlier for line in lines)
    is_full = drawn == max_lines(chart)
    return and_more(max(0, chart.left_out) + (len(chart.current) - drawn if is_full else 0))


def width_for(canvas: Canvas, labels: Sequence[LineLabel], more: str) -> float:
    """Pixels of the widest label, with the connector to its line."""
    return _CONNECTOR_WIDTH + max([*(_width(canvas, label) for label in labels), canvas.width(more, size=style.BODY)])


def paint_line_labels(canvas: Canvas, frame: Frame, labels: Sequence[LineLabel], more: str) -> None:
    """Draw the labels, as near to their lines' ends as they can be without overlapping."""
    lowest = frame.bottom + (style.LINE_HEIGHT if more else 0)
    heights = spread([frame.level(label.level) for label in labels], style.LINE_HEIGHT, lowest, frame.top - _TOP_CLEARANCE)
    for label, height in zip(labels, heights, strict=True):
        _paint(canvas, frame, label, height)
    canvas.text((frame.right + _CONNECTOR_WIDTH, frame.bottom), more, style.SOFT_INK, size=style.BODY)


def _paint(canvas: Canvas, frame: Frame, label: LineLabel, height: float) -> None:
    start = frame.right + _CONNECTOR_WIDTH
    level = frame.level(label.level)
    connector = [(frame.right + 4, level), (start - 8, height)]
    if label.point and frame.x(label.point.at) < frame.right - 12:
        canvas.line([frame.spot(label.point), connector[0]], style.AXIS, width=2, dashes=(1, 3))
    canvas.line(connector, label.colour, width=2)
    canvas.text((start, height), label.value, label.colour, size=style.BODY, bold=True)
    after = start + canvas.width(label.value, size=style.BODY, bold=True)
    canvas.text(
        (after + (_NAME_GAP if label.point else 0), height),
        label.name,
        style.INK if label.point else label.colour,
        size=style.BODY,
    )


def _named(canvas: Canvas, label: LineLabel, name: str) -> LineLabel:
    max_width = _MAX_LABEL_WIDTH - _CONNECTOR_WIDTH - _NAME_GAP - canvas.width(label.value, size=style.BODY, bold=True)
    clipped = clip_middle(name, max_width, partial(canvas.width, size=style.BODY))
    return LineLabel(label.level, label.value, clipped, label.colour, label.point)


def _width(canvas: Canvas, label: LineLabel) -> float:
    name = canvas.width(label.name, size=style.BODY) + _NAME_GAP if label.name else 0
    return canvas.width(label.value, size=style.BODY, bold=True) + name
