"""Reads an indicator over a time that has passed: the deploy guard compares such readings, and previews show them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.catalogue.slo import IndicatorConfig, SloConfig
from domain.metrics.samples import Sample, notices_of
from domain.metrics.slo import Reading, average, worst
from domain.text import clip
from runbooks.metrics.queries import ANY_LABELS, Queries

_MAX_WARNING = 200

IndicatorKey = tuple[str, str]
"""The name of an objective, and of the service that it was measured for; empty for the whole environment."""


@dataclass(frozen=True, slots=True)
class WindowQuery:
    """What is asked for one indicator; ``requests`` is empty where they are not counted."""

    key: IndicatorKey
    expression: str
    requests: str
    is_upper: bool


def window_queries(
    objectives: Mapping[str, SloConfig], environment: str, span: timedelta, services: Sequence[str]
) -> Iterator[WindowQuery]:
    """Of an objective that can be measured for one service, one for each of these services."""
    for name, config in objectives.items():
        indicator = config.of_service
        if indicator is None or not services:
            yield _query(name, config, config, environment, span)
            continue
        for service in services:
            yield _query(name, config, indicator, environment, span, service)


def _query(
    name: str, objective: SloConfig, indicator: IndicatorConfig, environment: str, span: timedelta, service: str = ""
) -> WindowQuery:
    expression = indicator.expression_in(environment, span, service)
    return WindowQuery(
        key=(name, service),
        expression=expression if indicator.covers_window else average(expression, span),
        requests=indicator.requests_in(environment, span, service),
        is_upper=objective.below is not None,
    )


async def read_window(prometheus: Queries, query: WindowQuery, at: datetime) -> Reading:
    """The reading of the time that ended ``at``. Raises what the query does."""
    found = await prometheus.query(query.expression, only=ANY_LABELS, at=at)
    value, series = worst(found, is_upper=query.is_upper), max(1, len(found))
    counted = await prometheus.query(query.requests, only=ANY_LABELS, at=at) if query.requests else ()
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
