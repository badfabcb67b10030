"""Scales and ticks of the value axis and the time axis. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from domain.metrics.chart_text import SIGNIFICANT_DIGITS, format_number, unit_of

_MAX_VALUE = 5e307
"""Larger values are drawn as this one: the difference of two of them would be infinite."""
_MIN_VALUE = 1e-290
_HEADROOM = 0.07
_MIN_LINE_SHARE = 0.12
"""Minimum share of the height for the lines when the limit is on the scale; below it, the limit is off the chart."""
_FLAT_RANGE = 0.25
_MIN_FLAT_SHARE = 0.02
"""The same for flat lines, which have no shape to lose, only their distance from the axis."""

_SECOND_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY = 86400
_DAY_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class Tick:
    """A round number: its position along the axis, 0 to 1, and its label."""

    position: float
    label: str


@dataclass(frozen=True, slots=True)
class AxisScale:
    """A linear scale from ``low`` at the bottom to ``high`` at the top."""

    low: float
    high: float

    def position(self, value: float) -> float:
        """0 at the bottom, 1 at the top, outside of these for a value off the chart."""
        return (_clamp(value) - self.low) / (self.high - self.low)

    def shows(self, value: float) -> bool:
        """Whether the value is on the scale."""
        return self.low <= _clamp(value) <= self.high


def value_scale(values: Sequence[float], limit: float | None) -> AxisScale:
    """A scale for the lines, with the limit where both can be seen. It starts at zero where that costs little height."""
    low, high = _clamp(min(values)), _clamp(max(values))
    zoomed, whole = AxisScale(*_from_zero(low, high)), AxisScale(min(low, 0.0), max(high, 0.0))
    if limit is None:
        return _with_headroom(zoomed)
    limit = _clamp(limit)
    both = _extend_to(zoomed, limit)
    if zoomed.high - zoomed.low >= _MIN_LINE_SHARE * (both.high - both.low):
        return _with_headroom(both)
    is_flat = high - low <= _FLAT_RANGE * max(abs(low), abs(high))
    if (is_flat and max(abs(low), abs(high)) >= _MIN_FLAT_SHARE * abs(limit)) or low == high == 0:
        return _with_headroom(_extend_to(whole, limit))
    return _with_headroom(zoomed)


def digits_for(scale: AxisScale) -> int:
    """Significant digits that tell neighbouring values on this scale apart."""
    return min(
        12, max(SIGNIFICANT_DIGITS, math.ceil(math.log10(max(abs(scale.low), abs(scale.high)) / (scale.high - scale.low))) + 2)
    )


def value_ticks(scale: AxisScale, max_ticks: int = 6) -> list[Tick]:
    """At most ``max_ticks`` round numbers, with as many decimals as tell them apart: `0`, `250k`, `500k`."""
    step = _round_step((scale.high - scale.low) / max_ticks)
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    values = [count * step for count in range(first, last + 1)]
    return [Tick(scale.position(value), label) for value, label in zip(values, _labels(values, step), strict=True)]


def time_ticks(start: float, end: float, max_ticks: int) -> list[Tick]:
    """At most ``max_ticks`` round times in UTC, from seconds since 1970: `14:05`, `14:05:10`, at midnight the day."""
    step = _time_step((end - start) / max_ticks)
    first, last = math.ceil(start / step), math.floor(end / step)
    moments = [count * step for count in range(first, last + 1)]
    return [Tick((at - start) / (end - start), _time_label(at, step, end - start)) for at in moments]


def _clamp(value: float) -> float:
    return 0.0 if abs(value) < _MIN_VALUE else max(-_MAX_VALUE, min(_MAX_VALUE, value))


def _from_zero(low: float, high: float) -> tuple[float, float]:
    """Include zero unless all lines are far from it and vary little. A flat line always gets it."""
    if low == high or high - low < 1e-9 * max(abs(low), abs(high)):
        return (min(low, 0.0), max(high, 0.0)) if low or high else (0.0, 1.0)
    if 0 <= low <= 0.6 * high:
        return 0.0, high
    if 0 >= high >= 0.6 * low:
        return low, 0.0
    return low, high


def _extend_to(scale: AxisScale, limit: float) -> AxisScale:
    return AxisScale(min(scale.low, limit), max(scale.high, limit))


def _with_headroom(scale: AxisScale) -> AxisScale:
    """Add space above and below, except at zero."""
    low, high = scale.low, scale.high
    headroom = (high - low) * _HEADROOM or abs(high) * _HEADROOM or 1.0
    return AxisScale(low if low == 0 else low - headroom, high if high == 0 else high + headroom)


def _round_step(minimum: float) -> float:
    power = 10.0 ** math.floor(math.log10(minimum))
    # The tolerance keeps a step that equals the minimum but for its last bit.
    return next((factor * power for factor in (1, 2, 2.5, 5) if factor * power >= minimum * (1 - 1e-9)), 10 * power)


def _labels(values: Sequence[float], step: float) -> list[str]:
    largest = max(map(abs, values), default=0.0)
    if largest >= 1e18 or largest < 1e-3:
        return [format_number(value) for value in values]
    factor, unit = unit_of(largest)
    decimals = max(0, -math.floor(math.log10(step / factor) + 1e-9))
    decimals += not math.isclose(round(step / factor, decimals), step / factor, rel_tol=1e-6)
    return [f"{value / factor:,.{decimals}f}{unit}" if round(value / factor, decimals) else "0" for value in values]


def _time_step(minimum: float) -> float:
    if minimum <= 1:
        return next(step for step in (0.1, 0.2, 0.5, 1.0) if step >= minimum * (1 - 1e-9)) if minimum > 0.1 else 0.1
    steps = (*_SECOND_STEPS, *(days * _DAY for days in _DAY_STEPS))
    return next((step for step in steps if step >= minimum), math.ceil(minimum / (1000 * _DAY)) * 1000 * _DAY)


def _time_label(at: float, step: float, span: float) -> str:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=round(at, 3))
    if step < 1:
        return f"{moment:%H:%M:%S}.{moment.microsecond // 100_000}"
    if step < 60:
        return f"{moment:%H:%M:%S}"
    is_midnight = at % _DAY == 0
    if step >= _DAY or (is_midnight and span > 2 * 3600):
        return f"{moment.day} {moment:%b}{f' {moment.year}' if span > 300 * _DAY else ''}"
    return f"{moment:%H:%M}"


def split_at_gaps(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    """Split ``(time, value)`` points where a value is None, or where two are more than 2.5 median distances apart."""
    distances = sorted(later - at for (at, _), (later, _) in pairwise(points))
    max_gap = 2.5 * distances[len(distances) // 2] if len(distances) > 2 else math.inf
    pieces: list[list[tuple[float, float]]] = [[]]
    previous = -math.inf
    for at, value in points:
        if value is None or (pieces[-1] and at - previous > max_gap):
            pieces.append([])
        if value is not None:
            pieces[-1].append((at, value))
        previous = at
    return [piece for piece in pieces if piece]
