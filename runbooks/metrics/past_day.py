"""The last day of each objective, for the sparklines of ``health`` and the picture of the digest."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.catalogue.slo import SloConfig
from domain.errors import DeepechoError
from domain.metrics.charts import Series

DAY = timedelta(days=1)
POINTS = 24
"""One an hour: as many bars as a sparkline has."""


class RangeQueries(Protocol):
    """What is asked of a Prometheus."""

    async def query_range(self, expression: str, since: datetime, until: datetime, *, points: int) -> tuple[Series, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDayReader:
    """``prometheus`` gives the client of an environment, and None where the catalogue names no address."""

    prometheus: Callable[[str], RangeQueries | None]

    async def read(
        self, environment: str, objectives: Mapping[str, SloConfig], at: datetime, deadline: float
    ) -> Mapping[str, tuple[float | None, ...]]:
        """The values of each objective that could be read until the deadline, in the loop's time; the others are left out.

        One objective after the other: a range evaluates its expression at many instants, and people wait for the values of now.
        """
        prometheus, found = self.prometheus(environment), {}
        if prometheus is None:
            return {}
        try:
            async with asyncio.timeout_at(deadline):
                for name, config in objectives.items():
                    series = await prometheus.query_range(config.expression_in(environment), at - DAY, at, points=POINTS)
                    found[name] = past_day(series, at, is_upper=config.below is not None)
        except (TimeoutError, DeepechoError):
            return found  # a sparkline is an extra: the line says by its value whether Prometheus answers
        return found


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
