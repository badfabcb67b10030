"""Measures a guarded deploy: its objectives since the deploy, and at three times before."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.slo import SloConfig
from domain.guard.comparison import BASELINE_SPAN, Baselines, Comparison, baseline_ends
from domain.guard.guard import Guard, GuardState
from domain.guard.notes import GuardChart
from domain.guard.verdict import Verdict, verdict_on
from domain.metrics.charts import Chart, Marker, Series
from domain.metrics.slo import Reading
from domain.rich_text import Text
from runbooks.metrics.readings import IndicatorKey

TRACE_SECONDS = 20.0
"""For the traces of all services, beside the charts: below ``runbooks.queued_timers.WORK_SECONDS``, or no guard would end."""
MAX_CHARTS = 3
_SHORTEST_SPAN = timedelta(seconds=15)
"""Prometheus needs two scrapes in it."""


class Indicators(Protocol):
    """What is asked of ``runbooks.metrics.indicators.IndicatorReader``."""

    async def over(
        self, environment: str, span: timedelta, at: datetime, services: Sequence[str]
    ) -> Mapping[IndicatorKey, Reading]: ...

    async def series(
        self, environment: str, key: IndicatorKey, since: datetime, until: datetime
    ) -> tuple[Series, ...] | None: ...


TraceLines = Callable[[str, Sequence[str], datetime, datetime], Awaitable[tuple[Text, ...]]]
"""Slow or failing traces of services in an environment, a line each; none where they are not known."""


async def no_traces(_environment: str, _services: Sequence[str], _since: datetime, _until: datetime) -> tuple[Text, ...]:
    """Where there is no Jaeger."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardReader:
    """Measures, and shows the evidence."""

    catalogue: Callable[[], Catalogue]
    indicators: Indicators
    trace_lines: TraceLines = no_traces
    trace_seconds: float = TRACE_SECONDS

    async def traces(self, guard: Guard) -> tuple[Text, ...]:
        """What failed or was slow since a deploy that is worse; nothing where Jaeger does not answer in time."""
        if guard.verdict is not Verdict.WORSE or guard.checked_at is None:
            return ()
        try:
            async with asyncio.timeout(self.trace_seconds):
                return await self.trace_lines(guard.environment, guard.service_names, guard.began_at, guard.checked_at)
        except TimeoutError:
            return ()

    async def compare(self, guard: Guard, at: datetime) -> tuple[Comparison, ...]:
        """What is measured now. The times before are read once, and again only where that failed or something else is measured.

        An indicator without requests, or whose expression is about a time of its own and not about ``$window``, is left out: it
        could not tell a deploy from what was before.
        """
        until = min(at, guard.until)
        if until <= guard.began_at:  # the clock was set back
            return ()
        span = max(until - guard.began_at, _SHORTEST_SPAN)
        read_now = self.indicators.over(guard.environment, span, until, guard.service_names)
        before = {each.key: each.before for each in guard.comparisons}
        definitions = self._definitions(guard)
        is_same = {each.key: each.definition for each in guard.comparisons} == definitions
        if not before or not is_same or any(reading.problem for each in before.values() for _, reading in each.named()):
            now, before = await asyncio.gather(read_now, self._baselines(guard))
        else:
            now = await read_now
        objectives = self.catalogue().slo
        return tuple(
            _comparison(key, objectives[key[0]], reading, before.get(key, Baselines()), definitions[key])
            for key, reading in now.items()
            if key in definitions
        )

    def _definitions(self, guard: Guard) -> dict[tuple[str, str], str]:
        """What is judged, by objective and service: the expression with its unit, limit and Prometheus."""
        catalogue = self.catalogue()
        environment = catalogue.environments.get(guard.environment)
        address = environment.prometheus if environment else ""
        found = {}
        for name, config in catalogue.slo.items():
            indicator = config.of_service or config
            for service in guard.service_names if config.of_service else ("",):
                if indicator.requests and indicator.covers_window:
                    parts = (indicator.expression, indicator.requests, config.unit, str(config.limit), address)
                    found[name, service] = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
        return found

    async def charts(self, guard: Guard) -> tuple[GuardChart, ...]:
        """The evidence as pictures; none where Prometheus does not answer, because the card has the numbers."""
        verdict = guard.verdict
        deciding = [each for each in guard.comparisons if verdict_on(each, guard.minimum_requests) is verdict]
        if verdict is Verdict.CANNOT_TELL or guard.state is GuardState.TAKEN_OVER:
            return ()
        shown = deciding[: MAX_CHARTS if verdict is Verdict.WORSE else 1]
        return tuple([chart for each in shown if (chart := await self._chart(guard, each)) is not None])

    async def _baselines(self, guard: Guard) -> dict[tuple[str, str], Baselines]:
        ends = baseline_ends(guard.changed_at, guard.began_at)
        reads = (self.indicators.over(guard.environment, BASELINE_SPAN, end, guard.service_names) for end in ends)
        found = await asyncio.gather(*reads)
        keys = {key: None for readings in found for key in readings}
        return {key: Baselines(*(readings.get(key, Reading()) for readings in found)) for key in keys}

    async def _chart(self, guard: Guard, comparison: Comparison) -> GuardChart | None:
        if guard.checked_at is None:
            return None
        since, until = guard.began_at - BASELINE_SPAN, guard.checked_at
        series = await self.indicators.series(guard.environment, comparison.key, since, until)
        if series is None:
            return None
        unit = f" ({comparison.unit})" if comparison.unit else ""
        chart = Chart(
            title=f"{comparison.name} in {guard.environment}{unit}",
            since=since,
            until=until,
            series=series,
            threshold=comparison.limit,
            markers=(Marker(guard.began_at, f"deploy {guard.deployed}"),),
        )
        return GuardChart(operation=guard.operation, channel=guard.channel, objective=comparison.name, chart=chart)


def _comparison(key: tuple[str, str], config: SloConfig, now: Reading, before: Baselines, definition: str) -> Comparison:
    return Comparison(
        objective=key[0],
        service=key[1],
        unit=config.unit,
        limit=config.limit,
        is_upper=config.below is not None,
        now=now,
        before=before,
        definition=definition,
    )
