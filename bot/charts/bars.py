"""Paints a chart of stacked bars: heading, axis, bars with their numbers, and what each pattern stands for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bot.charts import style
from bot.charts.canvas import Canvas
from bot.charts.scales import AxisScale, value_ticks
from bot.charts.text import clip_end, drawable
from domain.metrics.charts import BarChart

_BOTTOM, _TOP = 84, 476
_BAR_SHARE = 0.72
"""The part of the space of a bar that it fills."""
_MAX_BAR_WIDTH = 130
_MIN_LABELLED_HEIGHT = 34
"""Pixels that a part of a bar needs for its number."""
_SWATCH = 30
_LEGEND_GAP = 26


@dataclass(frozen=True, slots=True)
class Filling:
    """How one series is filled. Colour and pattern each tell it from the others; ``ink`` is for numbers and the pattern."""

    colour: str
    hatch: str
    ink: str


FILLINGS = (
    Filling("#8f1127", "", "#ffffff"),
    Filling("#e0793a", "//", "#1d1c1d"),
    Filling("#f2cf74", "..", "#1d1c1d"),
    Filling("#dfe8f3", "", "#1d1c1d"),
)
"""For at most four series; from dark to light, so that they differ without colours, too."""


def paint_bars(chart: BarChart) -> bytes:
    """The chart as a PNG."""
    canvas = Canvas(style.WIDTH, style.HEIGHT, style.PAPER)
    canvas.area((1, 1), (style.WIDTH - 2, style.HEIGHT - 2), style.RIM, rim=True)
    _paint_heading(canvas, chart)
    totals = [sum(values) for values in zip(*(series.values for series in chart.series), strict=True)]
    if not any(totals):
        canvas.text((style.WIDTH / 2, style.HEIGHT / 2), "None in this time", style.INK, size=style.LARGE, align="center")
        return canvas.png()
    scale = AxisScale(0, max(totals) * 1.08)
    left = style.MARGIN + canvas.width(f"{max(totals):,}", size=style.BODY) + 18
    right = style.WIDTH - style.MARGIN - _legend_width(canvas, chart)
    _paint_axis(canvas, scale, left, right)
    space = (right - left) / len(totals)
    for number in range(len(totals)):
        _paint_bar(canvas, chart, number, left + space * number, space, scale)
    canvas.line([(left, _BOTTOM), (right, _BOTTOM)], style.AXIS, width=2.5)
    _paint_labels(canvas, chart.labels, left, space)
    _paint_legend(canvas, chart, right + _LEGEND_GAP)
    return canvas.png()


def _paint_heading(canvas: Canvas, chart: BarChart) -> None:
    max_width = style.WIDTH - 2 * style.MARGIN
    title = clip_end(drawable(chart.title, bold=True), max_width, _measure(canvas, style.TITLE, bold=True))
    canvas.text((style.MARGIN, style.HEIGHT - 64), title, style.INK, size=style.TITLE, bold=True, middle=False)
    subtitle = clip_end(drawable(chart.subtitle), max_width, _measure(canvas, style.BODY))
    canvas.text((style.MARGIN, style.HEIGHT - 108), subtitle, style.SOFT_INK, size=style.BODY, middle=False)


def _paint_axis(canvas: Canvas, scale: AxisScale, left: float, right: float) -> None:
    for tick in value_ticks(scale):
        if "." in tick.label:
            continue  # halves of an incident mean nothing
        height = _height(tick.position)
        canvas.line([(left, height), (right, height)], style.GRID, width=2)
        canvas.text((left - 18, height), tick.label, style.SOFT_INK, size=style.BODY, align="right")


def _paint_bar(canvas: Canvas, chart: BarChart, number: int, start: float, space: float, scale: AxisScale) -> None:
    width = min(space * _BAR_SHARE, _MAX_BAR_WIDTH)
    corner, below = start + (space - width) / 2, 0
    for series, filling in reversed(list(zip(chart.series, FILLINGS, strict=False))):
        count = series.values[number]
        if not count:
            continue
        bottom, top = _height(scale.position(below)), _height(scale.position(below + count))
        # A gap of two pixels parts it from the next one; the smallest part is still seen.
        canvas.area((corner, bottom), (width, max(2.0, top - bottom - 2)), filling.colour, hatch=filling.hatch, ink=style.PAPER)
        canvas.area((corner, bottom), (width, max(2.0, top - bottom - 2)), style.AXIS, rim=True)
        label = f"{count:,}"
        if top - bottom >= _MIN_LABELLED_HEIGHT and canvas.width(label, size=style.BODY) + 12 <= width:
            _paint_number(canvas, (corner + width / 2, (bottom + top) / 2), label, filling)
        below += count


def _paint_number(canvas: Canvas, centre: tuple[float, float], label: str, filling: Filling) -> None:
    """The number on a patch of plain colour, so that the pattern does not cross it."""
    width = canvas.width(label, size=style.BODY) + 12
    canvas.area((centre[0] - width / 2, centre[1] - 15), (width, 30), filling.colour)
    canvas.text(centre, label, filling.ink, size=style.BODY, bold=True, align="center")


def _paint_labels(canvas: Canvas, labels: Sequence[str], left: float, space: float) -> None:
    """As many labels as fit, at equal distances, the last one always."""
    widest = max(canvas.width(drawable(label), size=style.BODY) for label in labels)
    step = max(1, -(-int(widest + 16) // max(1, int(space))))
    for number in range(len(labels) - 1, -1, -step):
        x = left + space * (number + 0.5)
        canvas.text((x, _BOTTOM - 32), drawable(labels[number]), style.SOFT_INK, size=style.BODY, align="center")


def _legend_width(canvas: Canvas, chart: BarChart) -> float:
    texts = [_legend_text(chart, number) for number in range(len(chart.series))]
    return _LEGEND_GAP + _SWATCH + 14 + max(canvas.width(text, size=style.BODY) for text in texts)


def _legend_text(chart: BarChart, number: int) -> str:
    series = chart.series[number]
    return f"{drawable(series.name)}: {sum(series.values):,}"


def _paint_legend(canvas: Canvas, chart: BarChart, left: float) -> None:
    for number, filling in enumerate(FILLINGS[: len(chart.series)]):
        bottom = _TOP - 40 - number * 56
        canvas.area((left, bottom), (_SWATCH, _SWATCH), filling.colour, hatch=filling.hatch, ink=style.PAPER)
        canvas.area((left, bottom), (_SWATCH, _SWATCH), style.AXIS, rim=True)
        text = (left + _SWATCH + 14, bottom + _SWATCH / 2)
        canvas.text(text, _legend_text(chart, number), style.INK, size=style.BODY)


def _height(position: float) -> float:
    return _BOTTOM + position * (_TOP - _BOTTOM)


def _measure(canvas: Canvas, size: float, *, bold: bool = False) -> Callable[[str], float]:
    return partial(canvas.width, size=size, bold=bold)
