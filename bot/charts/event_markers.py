"""What happened meanwhile: a line through the plot for each thing, named above it."""

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
"""More than this are a wall; the latest are drawn."""
_MAX_LABEL_WIDTH = 420
_MAX_LABEL_ROWS = 3
_LABEL_GAP = 18
_MERGE_DISTANCE = 5
"""Pixels between two lines that look like one."""
_SHORT_LINE_LENGTH = 22
_LABEL_INDENT = 10
"""From a line to its name."""


@dataclass(frozen=True, slots=True)
class EventMarker:
    """Where it is, in pixels, and its name with its place; None where there is no room for one."""

    x: float
    label: str
    placed_label: PlacedLabel | None


def event_markers(canvas: Canvas, chart: Chart, frame: Frame) -> list[EventMarker]:
    """Those in the window, with their names placed."""
    measure = partial(canvas.width, size=style.BODY)
    labelled = [(x, clip_end(name, _MAX_LABEL_WIDTH, measure)) for x, name in _merge_simultaneous(chart, frame).items()]
    lines = [(x, measure(name) + _LABEL_INDENT) for x, name in labelled]
    placed = place_labels(lines, _MAX_LABEL_ROWS, left=style.MARGIN, right=style.WIDTH - style.MARGIN, gap=_LABEL_GAP)
    return [EventMarker(x, name, flag if name else None) for (x, name), flag in zip(labelled, placed, strict=True)]


def _merge_simultaneous(chart: Chart, frame: Frame) -> dict[float, str]:
    """What happened at the same moment, as far as a picture can tell, has one line and one label."""
    inside = [marker for marker in chart.markers if chart.since <= marker.at <= chart.until]
    names: dict[float, str] = {}
    for marker in sorted(inside, key=lambda marker: marker.at)[-_MAX_MARKERS:]:
        x, name = frame.x(marker.at.timestamp()), drawable(marker.text)
        if names and x - max(names) < _MERGE_DISTANCE:
            x = max(names)
        names[x] = ", ".join(dict.fromkeys(filter(None, [names.get(x, ""), name])))
    return names


def label_row_count(markers: Sequence[EventMarker]) -> int:
    """How many rows of names there are above the plot."""
    return max((mark.placed_label.row + 1 for mark in markers if mark.placed_label), default=0)


def paint_event_markers(canvas: Canvas, frame: Frame, markers: Sequence[EventMarker]) -> None:
    """A line with its name; a short one where there was no room for a name, so that many do not make a fence."""
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
