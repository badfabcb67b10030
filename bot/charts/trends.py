"""Paints trends: a row for each number, with its name and newest value on the left and its extremes on the right."""

from functools import partial

from bot.charts import style
from bot.charts.canvas import Canvas
from bot.charts.text import clip_end, clip_middle, drawable
from domain.metrics.charts import TrendChart, TrendRow

_HEADING, _ROW, _NOTE = 134, 112, style.LINE_HEIGHT
"""Heights in pixels."""
_NAMES, _EXTREMES = 400, 190
"""Widths of the columns beside the lines."""
_LEFT, _RIGHT = style.MARGIN + _NAMES, style.WIDTH - style.MARGIN - _EXTREMES
_PADDING = 26
"""Between a line and the borders of its row."""
_NAME_LEVEL = 18
"""How far the name is above the middle of its row, and the value below it."""


def paint_trends(chart: TrendChart) -> bytes:
    """The chart as a PNG, as high as its rows need."""
    bottom = style.MARGIN // 2 + (_NOTE if chart.left_out else 0)
    top = bottom + _ROW * len(chart.rows)
    height = top + _HEADING
    canvas = Canvas(style.WIDTH, height, style.PAPER)
    canvas.area((1, 1), (style.WIDTH - 2, height - 2), style.RIM, rim=True)
    _paint_heading(canvas, chart, height)
    for number, row in enumerate(chart.rows):
        _paint_row(canvas, row, top - number * _ROW)
    if chart.left_out:
        _write(canvas, (style.MARGIN, bottom - _NOTE / 2), f"and {chart.left_out} more", style.SOFT_INK, 400)
    return canvas.png()


def _paint_heading(canvas: Canvas, chart: TrendChart, height: int) -> None:
    room = style.WIDTH - 2 * style.MARGIN
    title = clip_end(drawable(chart.title, bold=True), room, partial(canvas.width, size=style.TITLE, bold=True))
    canvas.text((style.MARGIN, height - 64), title, style.INK, size=style.TITLE, bold=True, middle=False)
    subtitle = clip_end(drawable(chart.subtitle), room, partial(canvas.width, size=style.BODY))
    canvas.text((style.MARGIN, height - 108), subtitle, style.SOFT_INK, size=style.BODY, middle=False)


def _paint_row(canvas: Canvas, row: TrendRow, top: float) -> None:
    middle, room = top - _ROW / 2, _NAMES - 24
    canvas.line([(style.MARGIN, top), (style.WIDTH - style.MARGIN, top)], style.GRID, width=2)
    name = clip_middle(drawable(row.name, bold=True), room, partial(canvas.width, size=style.BODY, bold=True))
    canvas.text((style.MARGIN, middle + _NAME_LEVEL), name, style.INK, size=style.BODY, bold=True)
    _write(canvas, (style.MARGIN, middle - _NAME_LEVEL), f"{row.value} · {row.span}", style.SOFT_INK, room)
    _paint_line(canvas, row, top)
    for text, level in ((row.high, top - _PADDING), (row.low, top - _ROW + _PADDING)):
        if row.low != row.high or level > middle:
            at = level if row.low != row.high else middle
            _write(canvas, (_RIGHT + 24, at), text, style.SOFT_INK, _EXTREMES - 24)


def _paint_line(canvas: Canvas, row: TrendRow, top: float) -> None:
    """The line with a gap where nothing was measured; a value between two gaps is a dot, and so is the newest."""
    pen, last = style.PENS[0], (0.0, 0.0)
    known = [value for _, value in row.points if value is not None]
    low, high = min(known), max(known)
    run: list[tuple[float, float]] = []
    for share, value in (*row.points, (1.0, None)):
        if value is not None:
            last = (_LEFT + share * (_RIGHT - _LEFT), top - _ROW + _PADDING + _share(value, low, high) * (_ROW - 2 * _PADDING))
            run.append(last)
            continue
        if len(run) > 1:
            canvas.line(run, pen.colour, width=4)
        elif run:
            canvas.dot(run[0], pen.colour, size=8)
        run = []
    canvas.dot(last, pen.colour, size=14, rim=style.PAPER)


def _share(value: float, low: float, high: float) -> float:
    """Where a value lies between the lowest and the highest, 0 to 1; the middle where all are equal."""
    return (value / 2 - low / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5


def _write(canvas: Canvas, spot: tuple[float, float], text: str, colour: str, room: float) -> None:
    shown = clip_end(drawable(text), room, partial(canvas.width, size=style.BODY))
    canvas.text(spot, shown, colour, size=style.BODY)
