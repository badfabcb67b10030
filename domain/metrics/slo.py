"""How a service level objective stands: its value, and how fast its error budget is spent. Pure.

The error budget is the share of the time for which the indicator may be beyond its limit: 1 % for an objective of 99 %. A burn
rate of 1 spends exactly the budget of the period.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from domain.metrics.chart_text import format_number
from domain.metrics.samples import QueryNotice, Sample
from domain.rich_text import Text


@dataclass(frozen=True, slots=True)
class Window:
    """A time over which the budget is looked at, and how often the indicator is evaluated in it."""

    span: timedelta
    step: timedelta


BUDGET_WINDOW = Window(timedelta(days=7), timedelta(minutes=15))
"""Longer ranges are expensive for a Prometheus without recording rules."""
BURN_WINDOWS = (
    Window(timedelta(hours=1), timedelta(minutes=1)),
    Window(timedelta(hours=6), timedelta(minutes=2)),
    Window(timedelta(days=1), timedelta(minutes=5)),
)


@dataclass(frozen=True, slots=True)
class BurnRate:
    """How fast the budget was spent over a time; None where there is no data."""

    span: timedelta
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SloStatus:
    """One objective in one environment. ``value`` is None without data; ``problem`` says what could not be read, and why."""

    name: str
    limit: float
    is_upper: bool
    """Whether the limit is one that the value has to stay below."""
    unit: str
    objective: float
    value: float | None = None
    is_kept: bool | None = None
    """None where it is not known."""
    budget_left: float | None = None
    """The share of the budget of ``BUDGET_WINDOW`` that is left; negative where more was spent."""
    burn_rates: tuple[BurnRate, ...] = ()
    problem: Text = ""
    notices: tuple[QueryNotice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An objective's indicator over a time that ended at some time. ``requests`` is None where they are not counted.

    ``problem`` says what could not be read, and why.
    """

    value: float | None = None
    requests: float | None = None
    problem: Text = ""
    series: int = 1
    """How many values the expression has; ``value`` is the worst of them."""


def share_beyond(expression: str, operator: str, limit: float, window: Window) -> str:
    """PromQL for the share of the time in which the expression was beyond its limit; ``operator`` is ``>=`` or ``<=``.

    What is NaN, as errors in per cent of no request, or infinite is no data: it is neither inside nor outside.
    """
    seconds, step = (int(each.total_seconds()) for each in (window.span, window.step))
    # The line break ends a comment at the end of the expression.
    with_value = f"((({expression}\n) > -Inf) < Inf)"
    return f"avg_over_time(({with_value} {operator} bool {limit!r})[{seconds}s:{step}s])"


def average(expression: str, span: timedelta) -> str:
    """PromQL for the average of the expression over a time, in some sixty steps; what is no number is left out."""
    seconds = max(1, round(span.total_seconds()))
    return f"avg_over_time(((({expression}\n) > -Inf) < Inf)[{seconds}s:{max(5, seconds // 60)}s])"


def worst(samples: Iterable[Sample], *, is_upper: bool) -> float | None:
    """The value that is nearest to its limit, or furthest beyond it, of several series; None without data."""
    values = [sample.value for sample in samples if sample.value is not None and math.isfinite(sample.value)]
    return (max if is_upper else min)(values, default=None)


def burn_rate(share: float | None, objective: float) -> float | None:
    """How fast the budget is spent if the indicator is beyond its limit for this share of the time."""
    return None if share is None else share / (1 - objective / 100)


def value_text(status: SloStatus) -> str:
    """``6.12 % (below 1 %)``, ``no data (above 1,000/min)``."""
    value = "no data" if status.value is None else with_unit(status.value, status.unit)
    return f"{value} ({'below' if status.is_upper else 'above'} {with_unit(status.limit, status.unit)})"


def with_unit(value: float, unit: str) -> str:
    """``6.1 %``, ``900/min``, ``0.42 s``."""
    return f"{format_number(value)}{unit}" if unit.startswith("/") or not unit else f"{format_number(value)} {unit}"
