"""Paints the plot: axes, the limit, event markers and lines."""

from collections.abc import Sequence
from dataclasses import replace

from bot.charts import style
from bot.charts.canvas import Canvas
from bot.charts.event_markers import event_markers, label_row_count, paint_event_markers
from bot.charts.frame import Frame
from bot.charts.line_labels import line_labels, more_lines, paint_line_labels, width_for
from bot.charts.line_selection import ChartLine, LimitSide, bad_side
from bot.charts.scales import Tick, time_ticks, value_scale, value_ticks
from domain.metrics.chart_text import finite_threshold
from domain.metrics.charts import Chart

_BOTTOM, _TOP = 84, 488
_TIME_GAP = 62
_MAX_THICK_LINES = 4
"""With more lines than this, all are drawn thinner."""
_MARKERS_PER_LINE = 6
"""Markers on each line: enough to tell it from others, few enough to see the line."""


def paint_plot(canvas: Canvas, chart: Chart, lines: Sequence[ChartLine]) -> None:
    """Paint everything below the heading. ``lines`` has at least one line."""
    scale = value_scale([point.value for line in lines for point in line.points], finite_threshold(chart))
    ticks = value_ticks(scale)
    end_labels, more = line_labels(canvas, chart, lines, scale), more_lines(chart, lines)
    since = chart.since.timestamp()
    frame = Frame(
        left=style.MARGIN + max(canvas.width(tick.label, size=style.BODY) for tick in ticks) + 18,
        right=style.WIDTH - style.MARGIN - width_for(canvas, end_labels, more),
        bottom=_BOTTOM,
        top=_TOP,
        scale=scale,
        since=since,
        until=max(chart.until.timestamp(), since + 1),
    )
    # Marker labels need the plot's width, and their rows then reduce its height: hence two frames.
    markers = event_markers(canvas, chart, frame)
    frame = replace(frame, top=_TOP - label_row_count(markers) * style.LINE_HEIGHT)
    threshold = finite_threshold(chart)
    if threshold is not None:
        _paint_breach(canvas, frame, threshold, bad_side(chart, lines, threshold))
    _paint_values(canvas, frame, ticks)
    _paint_times(canvas, frame)
    paint_event_markers(canvas, frame, markers)
    if threshold is not None and scale.shows(threshold):
        height = frame.y(threshold)
        canvas.line([(frame.left, height), (frame.right, height)], style.LIMIT, width=3.5, dashes=(4, 2.5))
    _paint_lines(canvas, frame, lines)
    paint_line_labels(canvas, frame, end_labels, more)


def _paint_breach(canvas: Canvas, frame: Frame, threshold: float, side: LimitSide | None) -> None:
    if side is None:
        return
    level = min(frame.top, max(frame.bottom, frame.y(threshold)))
    low, high = (level, frame.top) if side == "above" else (frame.bottom, level)
    canvas.area((frame.left, low), (frame.right - frame.left, high - low), style.BREACH)


def _paint_values(canvas: Canvas, frame: Frame, ticks: Sequence[Tick]) -> None:
    for tick in ticks:
        height = frame.level(tick.position)
        canvas.line([(frame.left, height), (frame.right, height)], style.GRID, width=2)
        canvas.text((frame.left - 18, height), tick.label, style.SOFT_INK, size=style.BODY, align="right")


def _paint_times(canvas: Canvas, frame: Frame) -> None:
    canvas.line([(frame.left, frame.bottom), (frame.right, frame.bottom)], style.AXIS, width=2.5)
    for tick in _sparse_times(canvas, frame):
        x = frame.left + tick.position * (frame.right - frame.left)
        canvas.line([(x, frame.bottom), (x, frame.bottom - 9)], style.AXIS, width=2.5)
        canvas.text((x, frame.bottom - 32), tick.label, style.SOFT_INK, size=style.BODY, align="center")


def _sparse_times(canvas: Canvas, frame: Frame) -> list[Tick]:
    """As many round times as fit with a gap between their labels."""
    for max_ticks in range(8, 2, -1):
        ticks = time_ticks(frame.since, frame.until, max_ticks)
        needed = sum(canvas.width(tick.label, size=style.BODY) + _TIME_GAP for tick in ticks)
        if ticks and needed <= frame.right - frame.left + _TIME_GAP:
            return ticks
    return time_ticks(frame.since, frame.until, 2)


def _paint_lines(canvas: Canvas, frame: Frame, lines: Sequence[ChartLine]) -> None:
    """Draw the highest line last, so that it is above the others, and all end points above all lines."""
    pens = [(line, style.PENS[line.number]) for line in lines[::-1]]
    width = 4.2 if len(lines) <= _MAX_THICK_LINES else 3.4
    for line, pen in pens:
        if line.earlier:
            _paint_earlier(canvas, frame, line, pen)
            continue
        for piece in line.pieces:
            spots = [frame.spot(point) for point in piece]
            marker_indexes = _marker_indexes(len(spots), line.number) if len(lines) > 1 else []
            canvas.line(
                spots,
                pen.colour,
                width=width,
                dashes=pen.dashes,
                marker=pen.marker if marker_indexes else "",
                marker_indexes=marker_indexes,
            )
            if len(spots) == 1:
                canvas.dot(spots[0], pen.colour, size=14, marker=pen.marker)
    for line, pen in pens:
        size = 12 if line.earlier else 18
        canvas.dot(frame.spot(line.last), pen.colour, size=size, marker=pen.marker, rim=style.PAPER)


def _paint_earlier(canvas: Canvas, frame: Frame, line: ChartLine, pen: style.Pen) -> None:
    """Thin and dotted, in the colour of the line of now."""
    for piece in line.pieces:
        spots = [frame.spot(point) for point in piece]
        canvas.line(spots, pen.colour, width=2.2, dashes=(1, 2))
        if len(spots) == 1:
            canvas.dot(spots[0], pen.colour, size=10, marker=pen.marker)


def _marker_indexes(count: int, shift: int) -> list[int]:
    """Indexes spread along the line, shifted by its number so that markers of different lines do not coincide."""
    step = max(1, count // _MARKERS_PER_LINE)
    return list(range(step * (shift + 1) // (len(style.PENS) + 1), count, step))
