"""Paints a trace: a bar for each span under its name, with the time below all of them."""

from collections.abc import Callable, Sequence
from functools import partial

from bot.charts import style
from bot.charts.canvas import Canvas
from bot.charts.scales import AxisScale, value_ticks
from bot.charts.text import clip_end, clip_middle, drawable
from domain.metrics.charts import Stretch, WaterfallBar, WaterfallChart
from domain.traces.durations import unit_of_span_time

_HEADING, _LEGEND, _AXIS, _ROW, _NOTE = 134, 44, 74, 66, style.LINE_HEIGHT
"""Heights in pixels."""
_THIN, _THICK = 12, 24
"""Heights of a bar, and of what the end waited for."""
_MIN_WIDTH, _MOMENT = 5, 17
"""A bar that would be narrower is a diamond of this size."""
_INDENT, _MAX_INDENT = 22, 132
_LEFT, _RIGHT = style.MARGIN, style.WIDTH - style.MARGIN
_SWATCH = 44

SPAN, WAITED, FAILED, FAILED_WAITED = "#a9cbe4", "#0067a8", "#eeb1bb", "#b3122e"
GAP, GAP_INK = "#f1f3f5", "#d5d8dd"


def paint_waterfall(chart: WaterfallChart) -> bytes:
    """The chart as a PNG, as high as its rows need."""
    notes = [drawable(note) for note in chart.notes]
    bottom = style.MARGIN // 2 + _NOTE * len(notes) + _AXIS
    top = bottom + _ROW * len(chart.bars)
    height = top + _LEGEND + _HEADING
    canvas = Canvas(style.WIDTH, height, style.PAPER)
    canvas.area((1, 1), (style.WIDTH - 2, height - 2), style.RIM, rim=True)
    _paint_heading(canvas, chart, height)
    _paint_legend(canvas, chart, top + _LEGEND / 2 + 6)
    _paint_gaps(canvas, chart.gaps, bottom, top)
    _paint_axis(canvas, chart, bottom, top)
    for number, bar in enumerate(chart.bars):
        _paint_row(canvas, bar, top - number * _ROW)
    for number, note in enumerate(reversed(notes)):
        text = clip_end(note, _RIGHT - _LEFT, _measure(canvas))
        canvas.text((_LEFT, style.MARGIN // 2 + (number + 0.5) * _NOTE), text, style.SOFT_INK, size=style.BODY)
    return canvas.png()


def _paint_heading(canvas: Canvas, chart: WaterfallChart, height: int) -> None:
    title = clip_end(drawable(chart.title, bold=True), _RIGHT - _LEFT, partial(canvas.width, size=style.TITLE, bold=True))
    canvas.text((_LEFT, height - 64), title, style.INK, size=style.TITLE, bold=True, middle=False)
    subtitle = clip_end(drawable(chart.subtitle), _RIGHT - _LEFT, _measure(canvas))
    canvas.text((_LEFT, height - 108), subtitle, style.SOFT_INK, size=style.BODY, middle=False)


def _paint_legend(canvas: Canvas, chart: WaterfallChart, level: float) -> None:
    """What the looks mean that occur. Thickness and patterns say it without colours, too."""
    x: float = _LEFT
    for is_there, text, look in (
        (any(bar.waited_for for bar in chart.bars), "its end waited for this", "waited"),
        (any(bar.outside for bar in chart.bars), "outside of its caller's time", "outside"),
        (bool(chart.gaps), "no span ran", "gap"),
    ):
        if not is_there:
            continue
        _paint_look(canvas, look, x, level)
        canvas.text((x + _SWATCH + 12, level), text, style.SOFT_INK, size=style.BODY)
        x += _SWATCH + 12 + canvas.width(text, size=style.BODY) + 36


def _paint_look(canvas: Canvas, look: str, x: float, level: float) -> None:
    if look == "gap":
        _paint_gap(canvas, (x, level - _THICK / 2), (_SWATCH, _THICK))
    elif look == "outside":
        _paint_outside(canvas, x, x + _SWATCH, level)
    else:
        canvas.area((x, level - _THICK / 2), (_SWATCH, _THICK), WAITED)


def _paint_gaps(canvas: Canvas, gaps: Sequence[Stretch], bottom: float, top: float) -> None:
    for begin, end in gaps:
        left, right = _x(begin), _x(end)
        _paint_gap(canvas, (left, bottom), (right - left, top - bottom))


def _paint_gap(canvas: Canvas, corner: tuple[float, float], size: tuple[float, float]) -> None:
    canvas.area(corner, size, GAP, hatch="\\\\", ink=GAP_INK)


def _paint_axis(canvas: Canvas, chart: WaterfallChart, bottom: float, top: float) -> None:
    factor, unit = unit_of_span_time(chart.width)
    scale = AxisScale(chart.origin / factor, (chart.origin + chart.width) / factor)
    for tick in value_ticks(scale):
        x = _x(tick.position)
        canvas.line([(x, bottom), (x, top)], style.GRID, width=2)
        label = f"{tick.label} {unit}"
        half = canvas.width(label, size=style.BODY) / 2
        spot = (min(max(x, _LEFT + half), _RIGHT - half), bottom - 32)
        canvas.text(spot, label, style.SOFT_INK, size=style.BODY, align="center")
    canvas.line([(_LEFT, bottom), (_RIGHT, bottom)], style.AXIS, width=2.5)


def _paint_row(canvas: Canvas, bar: WaterfallBar, top: float) -> None:
    _paint_name(canvas, bar, top - 22)
    level = top - 51
    if _beyond(bar):
        return
    pale, strong = (FAILED, FAILED_WAITED) if bar.is_error else (SPAN, WAITED)
    left, right = (_x(share) for share in bar.extent)
    if right - left < _MIN_WIDTH:
        colour = strong if bar.is_error or bar.waited_for else style.EVENT_MARKER
        canvas.dot(((left + right) / 2, level), colour, size=_MOMENT, marker="D")
        return
    canvas.area((left, level - _THIN / 2), (right - left, _THIN), pale)
    for begin, end in bar.outside:
        _paint_outside(canvas, _x(begin), _x(end), level, ink=FAILED_WAITED if bar.is_error else style.EVENT_MARKER)
    for begin, end in bar.waited_for:
        canvas.area((_x(begin), level - _THICK / 2), (max(_x(end) - _x(begin), 2), _THICK), strong)


def _paint_outside(canvas: Canvas, left: float, right: float, level: float, *, ink: str = style.EVENT_MARKER) -> None:
    size = (right - left, _THIN)
    canvas.area((left, level - _THIN / 2), size, style.PAPER, hatch="////", ink=ink)
    canvas.area((left, level - _THIN / 2), size, ink, rim=True)


def _paint_name(canvas: Canvas, bar: WaterfallBar, level: float) -> None:
    """The name on the left; on the right how long it took, whether it failed, and where it lies if not in the picture."""
    x = _LEFT + min(bar.depth * _INDENT, _MAX_INDENT)
    value = f"{_beyond(bar)}{drawable(bar.value, bold=True)}{', failed' if bar.is_error else ''}"
    colour = FAILED_WAITED if bar.is_error else style.INK
    canvas.text((_RIGHT, level), value, colour, size=style.BODY, bold=True, align="right")
    room = _RIGHT - 24 - canvas.width(value, size=style.BODY, bold=True) - x
    name = f"{'… ' if bar.is_detached else ''}{drawable(bar.name)}"
    canvas.text((x, level), clip_middle(name, room, _measure(canvas)), style.INK, size=style.BODY)


def _beyond(bar: WaterfallBar) -> str:
    begin, end = bar.extent
    return "earlier, " if end < 0 else "later, " if begin > 1 else ""


def _x(share: float) -> float:
    return _LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _LEFT)


def _measure(canvas: Canvas) -> Callable[[str], float]:
    return partial(canvas.width, size=style.BODY)
