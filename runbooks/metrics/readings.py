"""Reads objectives over times that have passed: the deploy guard compares them."""

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.slo import IndicatorConfig, SloConfig
from domain.errors import DeepechoError
from domain.metrics.samples import Sample, notices_of
from domain.metrics.slo import Reading, average, worst
from domain.text import clip

READ_SECONDS = 8.0
"""For everything that is read at once."""
_CONCURRENCY = 4
_MAX_WARNING = 200
_LATE = "Prometheus did not answer in time."
_ANY_LABELS: Mapping[str, str] = {}


IndicatorKey = tuple[str, str]
"""The name of an objective, and of the service that it was measured for; empty for the whole environment."""


class PastQueries(Protocol):
    """What is asked of a Prometheus about another time than now."""

    async def query(self, expression: str, *, only: Mapping[str, str], at: datetime | None) -> tuple[Sample, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReader:
    """``prometheus`` gives the client of an environment, and None where the catalogue names no address."""

    catalogue: Callable[[], Catalogue]
    prometheus: Callable[[str], PastQueries | None]
    read_seconds: float = READ_SECONDS

    async def read(
        self, environment: str, span: timedelta, at: datetime, services: Sequence[str] = ()
    ) -> Mapping[IndicatorKey, Reading]:
        """Every objective over the time of this length that ended ``at``; what could not be read in time says so.

        Of an objective that can be measured for one service there is one reading for each of these services.
        """
        prometheus = self.prometheus(environment)
        if prometheus is None:
            return {}
        slots = asyncio.Semaphore(_CONCURRENCY)
        deadline = asyncio.get_running_loop().time() + self.read_seconds
        queries = {query.key: query for query in self._queries(environment, span, services)}

        async def read_one(query: _Query) -> Reading:
            try:
                async with asyncio.timeout_at(deadline), slots:
                    return await _read(prometheus, query, at)
            except TimeoutError:
                return Reading(problem=_LATE)
            except DeepechoError as error:
                return Reading(problem=error.sentence)

        found = await asyncio.gather(*map(read_one, queries.values()))
        return dict(zip(queries, found, strict=True))

    def _queries(self, environment: str, span: timedelta, services: Sequence[str]) -> Iterator["_Query"]:
        for name, config in self.catalogue().slo.items():
            indicator = config.of_service
            if indicator is None or not services:
                yield _query(name, config, config, environment, span)
                continue
            for service in services:
                yield _query(name, config, indicator, environment, span, service)


@dataclass(frozen=True, slots=True)
class _Query:
    key: IndicatorKey
    expression: str
    requests: str
    is_upper: bool


def _query(
    name: str, objective: SloConfig, indicator: IndicatorConfig, environment: str, span: timedelta, service: str = ""
) -> _Query:
    expression = indicator.expression_in(environment, span, service)
    return _Query(
        key=(name, service),
        expression=expression if indicator.covers_window else average(expression, span),
        requests=indicator.requests_in(environment, span, service),
        is_upper=objective.below is not None,
    )


async def _read(prometheus: PastQueries, query: _Query, at: datetime) -> Reading:
    found = await prometheus.query(query.expression, only=_ANY_LABELS, at=at)
    value, series = worst(found, is_upper=query.is_upper), max(1, len(found))
    counted = await prometheus.query(query.requests, only=_ANY_LABELS, at=at) if query.requests else ()
    return Reading(value=value, requests=_total(counted), series=series, problem=_warning(found, counted))


def _warning(*results: tuple[Sample, ...]) -> str:
    """Why the values may be of a part of the data only; nobody should act on them then. Empty without a warning."""
    warning = next((notice for notice in notices_of(*results) if notice.is_warning), None)
    return f"what was read may be incomplete, Prometheus warns: {clip(warning.text, _MAX_WARNING)}" if warning else ""


def _total(samples: tuple[Sample, ...]) -> float | None:
    """The requests of all series; None without data."""
    values = [sample.value for sample in samples if sample.value is not None]
    total = sum(values)
    return total if values and math.isfinite(total) else None
