"""Paints a chart: the heading, the plot, and the lines' labels beside it."""

from collections.abc import Callable, Sequence
from functools import partial

from bot.charts import style
from bot.charts.canvas import Canvas
from bot.charts.line_labels import shared_name
from bot.charts.line_selection import ChartLine, drawn_lines
from bot.charts.plot import paint_plot
from bot.charts.text import clip_end, drawable
from domain.metrics.chart_text import limit_text, no_data_text, time_range_text
from domain.metrics.charts import Chart

_UNTITLED = "Untitled"


def paint(chart: Chart) -> bytes:
    """The chart as a PNG."""
    canvas = Canvas(style.WIDTH, style.HEIGHT, style.PAPER)
    canvas.area((1, 1), (style.WIDTH - 2, style.HEIGHT - 2), style.RIM, rim=True)
    lines = drawn_lines(chart)
    _paint_heading(canvas, chart, lines)
    if lines:
        paint_plot(canvas, chart, lines)
    else:
        _paint_no_data(canvas, chart)
    return canvas.png()


def _paint_heading(canvas: Canvas, chart: Chart, lines: Sequence[ChartLine]) -> None:
    max_width = style.WIDTH - 2 * style.MARGIN
    title = clip_end(drawable(chart.title, bold=True) or _UNTITLED, max_width, _measure(canvas, style.TITLE, bold=True))
    canvas.text((style.MARGIN, style.HEIGHT - 64), title, style.INK, size=style.TITLE, bold=True, middle=False)
    if not lines:
        return
    measure = _measure(canvas, style.BODY)
    window = time_range_text(chart)
    name = clip_end(shared_name(chart, lines), max_width - measure(f"  ·  {window}"), measure)
    subtitle = "  ·  ".join(filter(None, [name, window]))
    canvas.text((style.MARGIN, style.HEIGHT - 108), subtitle, style.SOFT_INK, size=style.BODY, middle=False)


def _paint_no_data(canvas: Canvas, chart: Chart) -> None:
    centre, height = style.WIDTH / 2, style.HEIGHT / 2 - 20
    canvas.text((centre, height), no_data_text(chart), style.INK, size=style.LARGE, align="center")
    canvas.text((centre, height - 62), limit_text(chart), style.SOFT_INK, size=style.BODY, align="center")


def _measure(canvas: Canvas, size: float, *, bold: bool = False) -> Callable[[str], float]:
    return partial(canvas.width, size=size, bold=bold)
