"""Finds alerts that can never fire, because the series that they measure do not exist."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.errors import DeepechoError
from domain.metrics.monitoring_rules import AlertRule
from domain.metrics.rule_series import LOOK_BACK, NeededSeries, NeverFiring, SeriesVerdicts, needed_series
from domain.rich_text import Text
from runbooks.metrics.queries import ANY_LABELS, InstantQueries, answer_until

MAX_SELECTORS = 100
"""Selectors that one question asks about: each is a query or two."""
_CONCURRENCY = 2
_RANGE = f"{LOOK_BACK.total_seconds():.0f}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSearch:
    """Asks which series exist, until ``deadline`` in the loop's time. ``scope`` keeps a selector inside an environment."""

    prometheus: InstantQueries
    scope: Callable[[str], str]
    deadline: float
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONCURRENCY))
    # A look at hours reads many samples: one at a time.
    _long_looks: asyncio.Lock = field(default_factory=asyncio.Lock)
    _problems: list[Text] = field(default_factory=list)

    async def verdicts(self, rules: Sequence[AlertRule]) -> SeriesVerdicts:
        """Which rules have no series. Each selector is asked about once; without an answer it counts as neither."""
        needed = [(rule, series) for rule in rules if (series := needed_series(rule.expression))]
        selectors = list(dict.fromkeys(selector for _, series in needed for selector in series.selectors))
        asked = selectors[:MAX_SELECTORS]
        looks = dict(zip(asked, await asyncio.gather(*map(self._is_absent, asked)), strict=True))
        if len(selectors) > MAX_SELECTORS:
            self._problems.append(f"only the first {MAX_SELECTORS} of {len(selectors)} selectors were asked about")
        absent = {selector for selector, is_absent in looks.items() if is_absent}
        return SeriesVerdicts(
            never_firing=tuple(NeverFiring(rule, missing) for rule, series in needed if (missing := series.missing(absent))),
            unsettled=sum(not _is_settled(series, looks, absent) for _, series in needed),
            undecidable=len(rules) - len(needed),
            problem=self._problems[0] if self._problems else "",
        )

    async def _is_absent(self, selector: str) -> bool | None:
        """Whether there was no series; None where that is not known."""
        try:
            async with answer_until(self.deadline):
                inside = self.scope(selector)
                async with self._slots:
                    if await self._finds(f"count({inside})"):
                        return False
                async with self._long_looks:
                    return not await self._finds(f"count(present_over_time({inside}[{_RANGE}]))")
        except DeepechoError as error:
            self._problems.append(error.sentence)
        return None

    async def _finds(self, expression: str) -> bool:
        return bool(await self.prometheus.query(expression, only=ANY_LABELS))


def _is_settled(series: NeededSeries, looks: Mapping[str, bool | None], absent: set[str]) -> bool:
    known = [looks.get(selector) for selector in series.selectors]
    return bool(series.missing(absent)) or None not in known or (series.is_any and False in known)
