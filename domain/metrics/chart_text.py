"""Texts of a chart: the line beside the picture, and numbers and times on it. NaN and infinite values are left out."""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain.metrics.charts import Chart, Series

SIGNIFICANT_DIGITS = 4
"""Significant digits of a value. With three, an availability of 99.95 per cent would be shown as 100."""

_LIMIT_DIGITS = 6
_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k"))
"""The smallest value that is shown with each unit. Below 10,000 there is none: 9,999 is easier to read than 9.999k."""
_TOLERANCE_SECONDS = 1.0
"""Seconds. A point may lie this far outside of the window: Prometheus uses floats, the window microseconds."""


class Point(NamedTuple):
    """A finite value and its time, in seconds since 1970."""

    at: float
    value: float


def describe_chart(chart: Chart) -> str:
    """``now 14.2, limit 10, highest 15.1 at 14:05 UTC, lowest 0.3``; of several lines ``now 0.3 to 14.2 (8 lines)``."""
    points = [point for series in chart.current for point in finite_points(chart, series.points)]
    if not points:
        return ", ".join(filter(None, [f"n{no_data_text(chart)[1:]}", limit_text(chart), _earlier_text(chart)]))
    texts = [_newest_text(chart), limit_text(chart), *_extremes_text(chart, points), _earlier_text(chart)]
    return ", ".join(filter(None, texts))


def has_numbers(chart: Chart) -> bool:
    """Whether any line has a finite value in the window."""
    return any(newest_point(chart, series) for series in chart.series)


def no_data_text(chart: Chart) -> str:
    """``No data between 14:02 and 15:02 UTC``."""
    return f"No data between {format_chart_time(chart.since, chart)} and {format_chart_time(chart.until, chart)} UTC"


def time_range_text(chart: Chart) -> str:
    """``26 Nov, 14:02 to 15:02 UTC``: always with the day, because people look at pictures later."""
    since, until = chart.since.astimezone(UTC), chart.until.astimezone(UTC)
    day = f"{since.day} {since:%b}, " if since.date() == until.date() else ""
    return f"{day}{format_chart_time(since, chart)} to {format_chart_time(until, chart)} UTC"


def format_chart_time(at: datetime, chart: Chart) -> str:
    """``14:05`` in UTC; with seconds in a short window, with day and year in a window that spans several."""
    at, since, until = (each.astimezone(UTC) for each in (at, chart.since, chart.until))
    clock = f"{at:%H:%M:%S}" if until - since < timedelta(minutes=5) else f"{at:%H:%M}"
    if since.date() == until.date():
        return clock
    year = f" {at.year}" if since.year != until.year else ""
    return f"{at.day} {at:%b}{year} {clock}"


def format_number(value: float, digits: int = SIGNIFICANT_DIGITS) -> str:
    """``14.2``, ``1,250``, ``12.5k``, ``3M``, ``0.003``, ``3e-5``. The value must be finite."""
    rounded = float(f"{value:.{digits}g}")
    if rounded == 0:
        return "0"
    if not 1e-4 <= abs(rounded) < 1e18:
        return _with_exponent(value, digits)
    factor, unit = unit_of(rounded)
    scaled = float(f"{rounded / factor:.{digits}g}")
    # Of a whole number, few digits would be written with an exponent: 100 as 1e+02.
    return f"{int(scaled):,}{unit}" if scaled.is_integer() else f"{scaled:.{digits}g}{unit}"


def unit_of(value: float) -> tuple[float, str]:
    """The divisor and the unit for a value: 1,000,000 and ``M``; 1 and an empty unit below 10,000."""
    factor, unit = next((each for each in _UNITS if abs(value) >= each[0]), (1.0, ""))
    return (1e3, unit) if unit == "k" else (factor, unit)


def finite_threshold(chart: Chart) -> float | None:
    """The threshold; None if there is none or it is infinite."""
    return chart.threshold if chart.threshold is not None and math.isfinite(chart.threshold) else None


def limit_text(chart: Chart) -> str:
    """``limit 10``; empty without a finite threshold."""
    threshold = finite_threshold(chart)
    return "" if threshold is None else f"limit {format_number(threshold, _LIMIT_DIGITS)}"


def newest_point(chart: Chart, series: Series) -> Point | None:
    """The last finite value of a line in the window, or None."""
    return next(finite_points(chart, reversed(series.points)), None)


def finite_points(chart: Chart, points: Iterable[tuple[float, float | None]]) -> Iterator[Point]:
    """The points with finite values in the window, in the given order."""
    since, until = chart.since.timestamp() - _TOLERANCE_SECONDS, chart.until.timestamp() + _TOLERANCE_SECONDS
    for at, value in points:
        if value is not None and since <= at <= until and math.isfinite(value):
            yield Point(at, float(value))


def is_current(chart: Chart, point: Point) -> bool:
    """Whether the text may say "now" of a point: it is in the last tenth of the window, or in its last minute."""
    window = (chart.until - chart.since).total_seconds()
    return point.at >= chart.until.timestamp() - max(60.0, window / 10)


def _with_exponent(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def _newest_text(chart: Chart) -> str:
    last = [point for point in (newest_point(chart, series) for series in chart.current) if point]
    current = [point for point in last if is_current(chart, point)]
    if current:
        return f"now {_range_text(current)}{_line_count_text(chart, len(current))}"
    at = max(point.at for point in last)
    return f"last {_range_text(last)}{_line_count_text(chart, len(last))} at {_format_time(chart, at)}"


def _earlier_text(chart: Chart) -> str:
    """``1 day before 0.2 to 9.1``; empty where nothing is compared."""
    earlier = [(series.earlier, newest_point(chart, series)) for series in chart.series if series.earlier]
    points = [point for _, point in earlier if point]
    return f"{earlier[0][0]} {_range_text(points)}" if points else ""


def _range_text(points: Sequence[Point]) -> str:
    low, high = (format_number(bound(point.value for point in points)) for bound in (min, max))
    return low if low == high else f"{low} to {high}"


def _line_count_text(chart: Chart, shown: int) -> str:
    if chart.left_out <= 0 and shown == 1:
        return ""
    more = f", {chart.left_out:,} more left out" if chart.left_out > 0 else ""
    return f" ({shown:,} {'line' if shown == 1 else 'lines'}{more})"


def _extremes_text(chart: Chart, points: Sequence[Point]) -> tuple[str, ...]:
    highest, lowest = (bound(points, key=lambda point: point.value) for bound in (max, min))
    high, low = format_number(highest.value), format_number(lowest.value)
    if high == low:
        unchanged = "unchanged" if highest.value == lowest.value else "nearly unchanged"
        return (unchanged,) if len(points) > len(chart.current) else ()
    return f"highest {high} at {_format_time(chart, highest.at)}", f"lowest {low}"


def _format_time(chart: Chart, at: float) -> str:
    inside = min(max(at, chart.since.timestamp()), chart.until.timestamp())
    return f"{format_chart_time(datetime.fromtimestamp(inside, UTC), chart)} UTC"
