"""Durations of spans in words."""

import math

_UNITS = ((3600 * 10**9, "h"), (60 * 10**9, "min"), (10**9, "s"), (10**6, "ms"), (10**3, "µs"), (1, "ns"))
_MIN_OF_A_UNIT = 2
"""Minutes and hours begin at two: 90 s is easier to compare with 30 s than 1.5 min."""


def format_span_time(nanoseconds: int) -> str:
    """``2.1 s``, ``82 ms``, ``310 µs``, with three digits; ``2,000 h`` where there are more."""
    factor, unit = unit_of_span_time(nanoseconds)
    value = nanoseconds / factor
    decimals = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    text = f"{value:,.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.') if decimals else text} {unit}"


def unit_of_span_time(nanoseconds: int) -> tuple[int, str]:
    """The unit in which a duration is said: its nanoseconds and its name."""
    return next(
        (each for each in _UNITS if nanoseconds >= each[0] * (_MIN_OF_A_UNIT if each[0] > 10**9 else 1)),
        _UNITS[-1],
    )
