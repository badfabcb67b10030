"""The objectives in ``health`` and the digest."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from domain.clock import Clock
from domain.health import CHECK_TIMEOUT, UNHURRIED_TIMEOUT, HealthCheck, HealthLevel, HealthLine
from domain.metrics.slo import SloStatus, value_text
from runbooks.metrics.indicators import IndicatorReader
from runbooks.metrics.queries import deadline_in

VALUE_SECONDS = 0.8 * CHECK_TIMEOUT.total_seconds()
"""For the values that ``health`` shows: below the limit of a check, so that one late objective does not hide the others."""
UNHURRIED_SECONDS = 0.8 * UNHURRIED_TIMEOUT.total_seconds()
_PARTIAL = ", maybe of a part of the data: Prometheus warns"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectivesCheck:
    """Measures the values of the objectives for ``health`` and the digest: one line each."""

    reader: IndicatorReader
    clock: Clock

    @property
    def check(self) -> HealthCheck:
        """The check. An environment without a Prometheus has no line."""
        return HealthCheck(name="objectives", run=self.run, unhurried=partial(self.run, seconds=UNHURRIED_SECONDS))

    async def run(self, environment: str, seconds: float = VALUE_SECONDS) -> tuple[HealthLine, ...]:
        """One line for each objective; red where its limit is not kept, and unknown, with the reason, where it was not read."""
        deadline = deadline_in(seconds)
        values = await self.reader.values(environment, within=seconds)
        at = self.clock.now()
        # After the values: where time runs short, a sparkline is missed least.
        read = [each.name for each in values if each.value is not None]
        past = await self.reader.past_day(environment, read, at, deadline)
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
