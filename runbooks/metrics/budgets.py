"""How one objective stands: its value, what is left of its error budget, and how fast it is spent."""

import asyncio
from dataclasses import replace

from domain.catalogue.slo import SloConfig
from domain.errors import DeepechoError
from domain.metrics.samples import notices_of
from domain.metrics.slo import BUDGET_WINDOW, BURN_WINDOWS, BurnRate, SloStatus, burn_rate, share_beyond, worst
from runbooks.metrics.queries import ANY_LABELS, Queries, answer_until


async def read_value(prometheus: Queries, environment: str, name: str, config: SloConfig, deadline: float) -> SloStatus:
    """The value now; what could not be read says so."""
    is_upper = config.below is not None
    blank = SloStatus(name=name, limit=config.limit, is_upper=is_upper, unit=config.unit, objective=config.objective)
    try:
        async with answer_until(deadline):
            found = await prometheus.query(config.expression_in(environment), only=ANY_LABELS)
    except DeepechoError as error:
        return replace(blank, problem=error.sentence)
    value = worst(found, is_upper=is_upper)
    return replace(blank, value=value, is_kept=None if value is None else config.is_kept(value), notices=notices_of(found))


async def with_budget(prometheus: Queries, lock: asyncio.Lock, expression: str, status: SloStatus, deadline: float) -> SloStatus:
    """The status with what of its burn rates and its budget could be read in time."""
    operator = ">=" if status.is_upper else "<="
    rates: list[BurnRate] = []
    notices = dict.fromkeys(status.notices)
    try:
        async with answer_until(deadline), lock:
            for window in (*BURN_WINDOWS, BUDGET_WINDOW):
                found = await prometheus.query(share_beyond(expression, operator, status.limit, window), only=ANY_LABELS)
                rates.append(BurnRate(window.span, burn_rate(worst(found, is_upper=True), status.objective)))
                notices |= dict.fromkeys(notices_of(found))
    except DeepechoError as error:
        return replace(status, burn_rates=tuple(rates), problem=error.sentence)
    *burning, whole = rates
    left = None if whole.rate is None else 1 - whole.rate
    return replace(status, burn_rates=tuple(burning), budget_left=left, notices=tuple(notices))
