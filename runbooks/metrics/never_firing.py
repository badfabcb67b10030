"""Finds alerts that can never fire, because the series that they measure do not exist."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.metrics.monitoring_rules import AlertRule
from domain.metrics.rule_series import needed_series
from domain.metrics.samples import Sample

LOOKED_BACK = "2h"
"""Longer than the ranges, of minutes, for which there is a verdict."""
_CONCURRENCY = 2
_ANY_LABELS: Mapping[str, str] = {}


class InstantQueries(Protocol):
    """What is asked of a Prometheus."""

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]: ...


@dataclass(frozen=True, slots=True)
class NeverFiring:
    """``missing`` are the selectors that found no series."""

    rule: AlertRule
    missing: tuple[str, ...]


async def never_firing(prometheus: InstantQueries, rules: Sequence[AlertRule]) -> tuple[NeverFiring, ...]:
    """The rules without a series in the last two hours. Each selector is counted once. Raises the errors of a query."""
    needed = [(rule, series) for rule in rules if (series := needed_series(rule.expression))]
    selectors = list(dict.fromkeys(each for _, series in needed for each in series.selectors))
    slots = asyncio.Semaphore(_CONCURRENCY)

    async def is_absent(selector: str) -> bool:
        async with slots:
            return not await prometheus.query(f"count(present_over_time({selector}[{LOOKED_BACK}]))", only=_ANY_LABELS)

    looks = await asyncio.gather(*map(is_absent, selectors))
    absent = {selector for selector, is_missing in zip(selectors, looks, strict=True) if is_missing}
    return tuple(NeverFiring(rule, missing) for rule, series in needed if (missing := series.missing(absent)))
