"""Reads objectives over times that have passed: the deploy guard compares them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.slo import SloConfig
from domain.errors import DeepechoError
from domain.metrics.samples import Sample
from domain.metrics.slo import Reading, average, worst

READ_SECONDS = 8.0
"""For everything that is read at once."""
_CONCURRENCY = 4
_LATE = "Prometheus did not answer in time."
_ANY_LABELS: Mapping[str, str] = {}


class PastQueries(Protocol):
    """What is asked of a Prometheus about another time than now."""

    async def query(self, expression: str, *, only: Mapping[str, str], at: datetime | None) -> tuple[Sample, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReader:
    """``prometheus`` gives the client of an environment, and None where the catalogue names no address."""

    catalogue: Callable[[], Catalogue]
    prometheus: Callable[[str], PastQueries | None]
    read_seconds: float = READ_SECONDS

    def objectives(self) -> Mapping[str, SloConfig]:
        """The objectives of the catalogue, by name."""
        return self.catalogue().slo

    async def read(self, environment: str, span: timedelta, at: datetime) -> Mapping[str, Reading]:
        """Every objective over the time of this length that ended ``at``; what could not be read in time says so."""
        prometheus = self.prometheus(environment)
        if prometheus is None:
            return {}
        slots = asyncio.Semaphore(_CONCURRENCY)
        deadline = asyncio.get_running_loop().time() + self.read_seconds
        objectives = self.objectives()

        async def read_one(config: SloConfig) -> Reading:
            try:
                async with asyncio.timeout_at(deadline), slots:
                    return await _read(prometheus, config, environment, span, at)
            except TimeoutError:
                return Reading(problem=_LATE)
            except DeepechoError as error:
                return Reading(problem=error.sentence)

        found = await asyncio.gather(*map(read_one, objectives.values()))
        return dict(zip(objectives, found, strict=True))


async def _read(prometheus: PastQueries, config: SloConfig, environment: str, span: timedelta, at: datetime) -> Reading:
    expression = config.expression_in(environment, span)
    value = await prometheus.query(expression if config.covers_window else average(expression, span), only=_ANY_LABELS, at=at)
    if not config.requests:
        return Reading(value=worst(value, is_upper=config.below is not None))
    requests = await prometheus.query(config.requests_in(environment, span), only=_ANY_LABELS, at=at)
    return Reading(value=worst(value, is_upper=config.below is not None), requests=_total(requests))


def _total(samples: tuple[Sample, ...]) -> float | None:
    """The requests of all series; None without data."""
    values = [sample.value for sample in samples if sample.value is not None]
    return sum(values) if values else None
