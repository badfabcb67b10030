"""Reads how service level objectives stand from Prometheus."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from weakref import WeakKeyDictionary

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.slo import SloConfig
from domain.clock import Clock
from domain.errors import DeepechoError
from domain.health import CHECK_TIMEOUT, HealthCheck, HealthLevel, HealthLine
from domain.metrics.samples import Sample, notices_of
from domain.metrics.slo import (
    BUDGET_WINDOW,
    BURN_WINDOWS,
    BurnRate,
    SloStatus,
    burn_rate,
    share_beyond,
    value_text,
    worst,
)
from runbooks.metrics.past_day import PastDayReader

ANSWER_SECONDS = 8.0
"""For everything that one environment's Prometheus is asked, because somebody waits."""
VALUE_SECONDS = 0.8 * CHECK_TIMEOUT.total_seconds()
"""For the values that ``health`` shows: below the limit of a check, so that one late objective does not hide the others."""
_LATE = "Prometheus did not answer in time."
_PARTIAL = ", maybe of a part of the data: Prometheus warns"
_ANY_LABELS: Mapping[str, str] = {}


class InstantQueries(Protocol):
    """What is asked of a Prometheus."""

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SloReader:
    """``prometheus`` gives the client of an environment, and None where the catalogue names no address."""

    catalogue: Callable[[], Catalogue]
    prometheus: Callable[[str], InstantQueries | None]
    answer_seconds: float = ANSWER_SECONDS
    _budget_locks: WeakKeyDictionary[InstantQueries, asyncio.Lock] = field(default_factory=WeakKeyDictionary)

    async def read(self, environment: str) -> tuple[SloStatus, ...]:
        """How every objective stands there now. What could not be read in time says so, and the rest is there.

        The values first and together: where time runs short, they are what people need most. A budget evaluates its expression
        hundreds of times, so that one Prometheus is never asked for two of them at once.
        """
        prometheus = self.prometheus(environment)
        if prometheus is None:
            return ()
        deadline = asyncio.get_running_loop().time() + self.answer_seconds
        objectives = self.catalogue().slo
        values = await _values(prometheus, environment, objectives, deadline)
        lock = self._budget_locks.setdefault(prometheus, asyncio.Lock())
        return tuple(
            [
                status
                if status.problem
                else await _with_budget(prometheus, lock, environment, objectives[status.name], status, deadline)
                for status in values
            ]
        )

    async def values(self, environment: str, within: float) -> tuple[SloStatus, ...]:
        """The values alone: one query an objective, for so many seconds at most."""
        prometheus = self.prometheus(environment)
        if prometheus is None:
            return ()
        return await _values(prometheus, environment, self.catalogue().slo, asyncio.get_running_loop().time() + within)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectivesCheck:
    """Measures the values of the objectives for ``health`` and the digest: one line each."""

    reader: SloReader
    clock: Clock
    past: PastDayReader | None = None

    @property
    def check(self) -> HealthCheck:
        """The check. An environment without a Prometheus has no line."""
        return HealthCheck(name="objectives", run=self.run)

    async def run(self, environment: str) -> tuple[HealthLine, ...]:
        """One line for each objective; red where its limit is not kept, and unknown, with the reason, where it was not read."""
        deadline = asyncio.get_running_loop().time() + VALUE_SECONDS
        values = await self.reader.values(environment, within=VALUE_SECONDS)
        at = self.clock.now()
        # After the values: where time runs short, a sparkline is missed least.
        read = {each.name: self.reader.catalogue().slo[each.name] for each in values if each.value is not None}
        past = await self.past.read(environment, read, at, deadline) if self.past and read else {}
        lines = (_health_line(status, at, f"slo {environment}") for status in values)
        # The steps of a range need not end now, but the value of now is known.
        return tuple(
            replace(each, series=(*past[each.system][:-1], each.value)) if past.get(each.system) else each for each in lines
        )


def _health_line(status: SloStatus, at: datetime, command: str) -> HealthLine:
    is_partial = any(notice.is_warning for notice in status.notices)
    level = {True: HealthLevel.GREEN, False: HealthLevel.RED, None: HealthLevel.UNKNOWN}[status.is_kept]
    return HealthLine(
        system=status.name,
        level=level,
        text=status.problem or f"{value_text(status)}{_PARTIAL if is_partial else ''}",
        measured_at=at,
        value=status.value,
        unit=status.unit,
        commands=(command,),
    )


async def _values(
    prometheus: InstantQueries, environment: str, objectives: Mapping[str, SloConfig], deadline: float
) -> tuple[SloStatus, ...]:
    read = (_value(prometheus, environment, name, config, deadline) for name, config in objectives.items())
    return tuple(await asyncio.gather(*read))


async def _value(prometheus: InstantQueries, environment: str, name: str, config: SloConfig, deadline: float) -> SloStatus:
    is_upper = config.below is not None
    blank = SloStatus(name=name, limit=config.limit, is_upper=is_upper, unit=config.unit, objective=config.objective)
    try:
        async with asyncio.timeout_at(deadline):
            found = await prometheus.query(config.expression_in(environment), only=_ANY_LABELS)
    except TimeoutError:
        return replace(blank, problem=_LATE)
    except DeepechoError as error:
        return replace(blank, problem=error.sentence)
    value = worst(found, is_upper=is_upper)
    return replace(blank, value=value, is_kept=None if value is None else config.is_kept(value), notices=notices_of(found))


async def _with_budget(
    prometheus: InstantQueries, lock: asyncio.Lock, environment: str, config: SloConfig, status: SloStatus, deadline: float
) -> SloStatus:
    """The status with what of its burn rates and its budget could be read in time."""
    expression, operator = config.expression_in(environment), ">=" if status.is_upper else "<="
    rates: list[BurnRate] = []
    notices = dict.fromkeys(status.notices)
    try:
        async with asyncio.timeout_at(deadline), lock:
            for window in (*BURN_WINDOWS, BUDGET_WINDOW):
                found = await prometheus.query(share_beyond(expression, operator, config.limit, window), only=_ANY_LABELS)
                rates.append(BurnRate(window.span, burn_rate(worst(found, is_upper=True), config.objective)))
                notices |= dict.fromkeys(notices_of(found))
    except TimeoutError:
        return replace(status, burn_rates=tuple(rates), problem=_LATE)
    except DeepechoError as error:
        return replace(status, burn_rates=tuple(rates), problem=error.sentence)
    *burning, whole = rates
    left = None if whole.rate is None else 1 - whole.rate
    return replace(status, burn_rates=tuple(burning), budget_left=left, notices=tuple(notices))
