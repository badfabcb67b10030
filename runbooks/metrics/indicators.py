"""Asks the Prometheus of an environment about the indicators of the catalogue's objectives: now, and at other times."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.slo import SloConfig
from domain.errors import DeepechoError
from domain.metrics.charts import Series
from domain.metrics.slo import Reading, SloStatus
from runbooks.metrics.budgets import read_value, with_budget
from runbooks.metrics.past_day import DAY, POINTS, past_day
from runbooks.metrics.queries import Queries, answer_until, deadline_in
from runbooks.metrics.readings import IndicatorKey, WindowQuery, read_window, window_queries

ANSWER_SECONDS = 8.0
"""For everything that one question asks."""
_CONCURRENCY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorReader:
    """``prometheus`` gives the client of an environment, and None where the catalogue names no address.

    What could not be read in time says so, and the rest is there; without a Prometheus there is nothing.
    """

    catalogue: Callable[[], Catalogue]
    prometheus: Callable[[str], Queries | None]
    answer_seconds: float = ANSWER_SECONDS
    _budget_locks: WeakKeyDictionary[Queries, asyncio.Lock] = field(default_factory=WeakKeyDictionary)

    async def values(self, environment: str, within: float) -> tuple[SloStatus, ...]:
        """How every objective stands there now: one query each, for so many seconds at most."""
        if (prometheus := self.prometheus(environment)) is None:
            return ()
        return await _values(prometheus, environment, self.catalogue().slo, deadline_in(within))

    async def budgets(self, environment: str) -> tuple[SloStatus, ...]:
        """How every objective stands there now, with what is left of its error budget.

        The values first and together: where time runs short, they are what people need most. A budget evaluates its expression
        hundreds of times, so that one Prometheus is never asked for two of them at once.
        """
        if (prometheus := self.prometheus(environment)) is None:
            return ()
        deadline, objectives = deadline_in(self.answer_seconds), self.catalogue().slo
        values = await _values(prometheus, environment, objectives, deadline)
        lock = self._budget_locks.setdefault(prometheus, asyncio.Lock())
        expressions = {name: config.expression_in(environment) for name, config in objectives.items()}
        return tuple(
            [
                status if status.problem else await with_budget(prometheus, lock, expressions[status.name], status, deadline)
                for status in values
            ]
        )

    async def over(
        self, environment: str, span: timedelta, at: datetime, services: Sequence[str] = ()
    ) -> Mapping[IndicatorKey, Reading]:
        """Every indicator over the time of this length that ended ``at``.

        Of an objective that can be measured for one service there is one reading for each of these services.
        """
        if (prometheus := self.prometheus(environment)) is None:
            return {}
        slots, deadline = asyncio.Semaphore(_CONCURRENCY), deadline_in(self.answer_seconds)
        queries = {query.key: query for query in window_queries(self.catalogue().slo, environment, span, services)}

        async def read(query: WindowQuery) -> Reading:
            try:
                async with answer_until(deadline), slots:
                    return await read_window(prometheus, query, at)
            except DeepechoError as error:
                return Reading(problem=error.sentence)

        return dict(zip(queries, await asyncio.gather(*map(read, queries.values())), strict=True))

    async def past_day(
        self, environment: str, names: Sequence[str], at: datetime, deadline: float
    ) -> Mapping[str, tuple[float | None, ...]]:
        """The last day of each of these objectives, in ``POINTS`` values; what was not read until the deadline is left out.

        One objective after the other: a range evaluates its expression at many instants, and people wait for the values of now.
        """
        if (prometheus := self.prometheus(environment)) is None:
            return {}
        objectives, found = self.catalogue().slo, dict[str, tuple[float | None, ...]]()
        try:
            async with answer_until(deadline):
                for name, config in ((name, objectives[name]) for name in names if name in objectives):
                    series = await prometheus.query_range(config.expression_in(environment), at - DAY, at, points=POINTS)
                    found[name] = past_day(series, at, is_upper=config.below is not None)
        except DeepechoError:
            return found  # a sparkline is an extra: the line says by its value whether Prometheus answers
        return found

    async def series(self, environment: str, key: IndicatorKey, since: datetime, until: datetime) -> tuple[Series, ...] | None:
        """An indicator over a time, to be drawn; None where it cannot be read."""
        name, service = key
        prometheus, config = self.prometheus(environment), self.catalogue().slo.get(name)
        if prometheus is None or config is None:
            return None
        indicator = config.of_service if service and config.of_service else config
        try:
            async with answer_until(deadline_in(self.answer_seconds)):
                return await prometheus.query_range(indicator.expression_in(environment, service=service), since, until)
        except DeepechoError:
            return None


async def _values(
    prometheus: Queries, environment: str, objectives: Mapping[str, SloConfig], deadline: float
) -> tuple[SloStatus, ...]:
    read = (read_value(prometheus, environment, name, config, deadline) for name, config in objectives.items())
    return tuple(await asyncio.gather(*read))
