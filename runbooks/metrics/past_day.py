"""The last day of an objective, for the sparklines of ``health`` and the picture of the digest. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.metrics.charts import Series

DAY = timedelta(days=1)
POINTS = 24
"""One an hour: as many bars as a sparkline has."""


def past_day(series: Sequence[Series], at: datetime, *, is_upper: bool) -> tuple[float | None, ...]:
    """The worst value of all series for each hour until ``at``, the newest last; None for an hour without any."""
    hours: list[float | None] = [None] * POINTS
    begin, hour = (at - DAY).timestamp(), DAY.total_seconds() / POINTS
    pick = max if is_upper else min
    for moment, value in (point for each in series for point in each.points):
        number = min(POINTS - 1, int((moment - begin) / hour))
        if value is not None and number >= 0:
            known = hours[number]
            hours[number] = value if known is None else pick(known, value)
    return tuple(hours) if any(value is not None for value in hours) else ()
