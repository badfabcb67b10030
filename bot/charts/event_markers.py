"""Event markers: a vertical line through the plot for each event, with a label above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bot.charts import style
from bot.charts.canvas import Canvas
from bot.charts.frame import Frame
from bot.charts.label_layout import PlacedLabel, place_labels
from bot.charts.text import clip_end, drawable
from domain.metrics.charts import Chart

_MAX_MARKERS = 40
"""The latest ones are drawn; more would hide the plot."""
_MAX_LABEL_WIDTH = 420
_MAX_LABEL_ROWS = 3
_LABEL_GAP = 18
_MERGE_DISTANCE = 5
"""Markers closer than this, in pixels, look like one and are merged."""
_SHORT_LINE_LENGTH = 22
_LABEL_INDENT = 10
"""Pixels from a line to its label."""


@dataclass(frozen=True, slots=True)
class EventMarker:
    """A marker at ``x`` pixels. ``placed_label`` is None where there is no room for the label."""

    x: float
    label: str
    placed_label: PlacedLabel | None


def event_markers(canvas: Canvas, chart: Chart, frame: Frame) -> list[EventMarker]:
    """The markers within the chart's window, with their labels placed."""
    measure = partial(canvas.width, size=style.BODY)
    labelled = [(x, clip_end(name, _MAX_LABEL_WIDTH, measure)) for x, name in _merge_simultaneous(chart, frame).items()]
    lines = [(x, measure(name) + _LABEL_INDENT) for x, name in labelled]
    placed = place_labels(lines, _MAX_LABEL_ROWS, left=style.MARGIN, right=style.WIDTH - style.MARGIN, gap=_LABEL_GAP)
    return [EventMarker(x, name, label if name else None) for (x, name), label in zip(labelled, placed, strict=True)]


def _merge_simultaneous(chart: Chart, frame: Frame) -> dict[float, str]:
    """Labels by x position. Events that are too close to tell apart share one marker."""
    inside = [marker for marker in chart.markers if chart.since <= marker.at <= chart.until]
    names: dict[float, str] = {}
    for marker in sorted(inside, key=lambda marker: marker.at)[-_MAX_MARKERS:]:
        x, name = frame.x(marker.at.timestamp()), drawable(marker.text)
        if names and x - max(names) < _MERGE_DISTANCE:
            x = max(names)
        names[x] = ", ".join(dict.fromkeys(filter(None, [names.get(x, ""), name])))
    return names


def label_row_count(markers: Sequence[EventMarker]) -> int:
    """Number of label rows above the plot."""
    return max((marker.placed_label.row + 1 for marker in markers if marker.placed_label), default=0)


def paint_event_markers(canvas: Canvas, frame: Frame, markers: Sequence[EventMarker]) -> None:
    """Draw each marker with its label; without a label only a short line at the top, so that many do not hide the plot."""
    for marker in markers:
        if marker.placed_label:
            _paint_named(canvas, frame, marker, marker.placed_label)
        else:
            canvas.line([(marker.x, frame.top - _SHORT_LINE_LENGTH), (marker.x, frame.top)], style.EVENT_MARKER, width=2.5)


def _paint_named(canvas: Canvas, frame: Frame, marker: EventMarker, label: PlacedLabel) -> None:
    height = frame.top + 20 + label.row * style.LINE_HEIGHT
    canvas.line([(marker.x, frame.bottom), (marker.x, height + 8)], style.EVENT_MARKER, width=2.5)
    is_right = label.start == label.line_x
    start = marker.x + (_LABEL_INDENT if is_right else -_LABEL_INDENT)
    canvas.text((start, height), marker.label, style.EVENT_MARKER, size=style.BODY, align="left" if is_right else "right")
