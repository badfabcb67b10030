"""Selects the lines of a chart that are drawn, and the bad side of its limit. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Literal

from bot.charts.scales import split_at_gaps
from domain.metrics.chart_text import Point, finite_points, newest_point
from domain.metrics.charts import Chart, Series

MAX_LINES = 8
"""More lines could not be told apart."""
MAX_COMPARED_LINES = 4
"""Lines where each has one of an earlier time beside it."""

LimitSide = Literal["above", "below"]


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A series with at least one finite value, in pieces without gaps. Every piece has at least one point.

    ``number`` is the one of its pen, which it shares with the line of an ``earlier`` time.
    """

    name: str
    pieces: tuple[tuple[Point, ...], ...]
    number: int
    earlier: str = ""

    @property
    def first(self) -> Point:
        return self.pieces[0][0]

    @property
    def last(self) -> Point:
        return self.pieces[-1][-1]

    @property
    def points(self) -> list[Point]:
        return [point for piece in self.pieces for point in piece]


def drawn_lines(chart: Chart) -> list[ChartLine]:
    """The lines with the highest last values, highest first, and then those of an earlier time beside them."""
    # Indexes are negated so that of equal values the earlier series wins: the choice does not depend on chance.
    current = chart.current
    candidates = [(point.value, -index) for index, series in enumerate(current) if (point := newest_point(chart, series))]
    highest = nlargest(max_lines(chart), candidates)
    numbers = {current[-negated].name: number for number, (_, negated) in enumerate(highest)}
    lines = [_line(chart, current[-negated], number) for number, (_, negated) in enumerate(highest)]
    earlier = [series for series in chart.series if series.earlier and series.name in numbers and newest_point(chart, series)]
    return [*lines, *(_line(chart, series, numbers[series.name]) for series in earlier)]


def max_lines(chart: Chart) -> int:
    """How many lines of now are drawn at most."""
    return MAX_COMPARED_LINES if len(chart.current) < len(chart.series) else MAX_LINES


def bad_side(chart: Chart, lines: Sequence[ChartLine], limit: float) -> LimitSide | None:
    """The side of the limit on which values are bad; None where the chart does not show it.

    A chart does not contain its alert's comparison. But at the alert's beginning lines are on the bad side, and before it they
    were on the good side. Lines of a chart without an alert are assumed to start on the good side.
    """
    alerts = [marker.at.timestamp() for marker in chart.markers if "alert" in marker.text.lower()]
    at_first = _share_above([line.first for line in lines], limit)
    throughout = _share_above([point for line in lines for point in line.points], limit)
    if not alerts:
        return _direction(at_first, throughout)
    then = _share_above([_point_at(line, min(alerts)) for line in lines], limit)
    return _direction(at_first, then) or _direction(at_first, throughout) or ("above" if then else "below")


def _direction(before: float, after: float) -> LimitSide | None:
    if before == after:
        return None
    return "above" if after > before else "below"


def _share_above(points: Sequence[Point], limit: float) -> float:
    return sum(point.value > limit for point in points) / len(points)


def _point_at(line: ChartLine, moment: float) -> Point:
    """The line's last point until ``moment``; its first point where it begins later."""
    return next((point for point in reversed(line.points) if point.at <= moment), line.first)


def _line(chart: Chart, series: Series, number: int) -> ChartLine:
    since, until = chart.since.timestamp(), chart.until.timestamp()
    value_at = {point.at: point.value for point in finite_points(chart, series.points)}
    points = sorted({at: value_at.get(at) for at, _ in series.points if math.isfinite(at)}.items())
    pieces = split_at_gaps(points)
    return ChartLine(
        series.name,
        tuple(tuple(Point(min(max(at, since), until), value) for at, value in piece) for piece in pieces),
        number,
        series.earlier,
    )
