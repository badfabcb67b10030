"""Reads what a Prometheus scrapes, and which alerts it evaluates, of one environment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from domain.answers.monitoring import EnvironmentRules, EnvironmentTargets
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.shared_prometheus import environment_label
from domain.errors import DeepechoError
from domain.matchers import matches
from domain.metrics.monitoring_rules import AlertRule, ScrapeTarget
from domain.metrics.promql_scope import scoped
from domain.metrics.samples import Sample, notices_of
from domain.rich_text import Text
from runbooks.metrics.never_firing import SeriesSearch
from runbooks.metrics.queries import ANY_LABELS, InstantQueries, answer_until, deadline_in

ANSWER_SECONDS = 8.0
"""For everything that one environment's Prometheus is asked, because somebody waits."""
_UNNAMED = "the catalogue names no Prometheus for it"
_Item = TypeVar("_Item")


class MonitoredPrometheus(InstantQueries, Protocol):
    """What is asked of a Prometheus."""

    async def targets(self) -> tuple[ScrapeTarget, ...]: ...

    async def rules(self) -> tuple[AlertRule, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringReader:
    """``prometheus`` gives the client of an environment, and None where the catalogue names no address.

    Where environments share a Prometheus, only what has the environment's label is shown and asked about.
    """

    catalogue: Callable[[], Catalogue]
    prometheus: Callable[[str], MonitoredPrometheus | None]
    answer_seconds: float = ANSWER_SECONDS

    async def targets(self, environment: str) -> EnvironmentTargets:
        """What is scraped. What could not be read is a problem in words."""
        label = environment_label(self.catalogue(), environment)
        blank = EnvironmentTargets(environment=environment, label=label)
        prometheus = self.prometheus(environment)
        if prometheus is None:
            return replace(blank, problem=_UNNAMED)
        deadline = deadline_in(self.answer_seconds)
        found, problem = await _within(deadline, prometheus.targets())
        if problem:
            return await _by_series(prometheus, deadline, replace(blank, problem=problem))
        targets = tuple(each for each in found if not label or each.labels.get(label) == environment)
        return replace(blank, targets=targets, notices=notices_of(found))

    async def rules(self, environment: str) -> EnvironmentRules:
        """The rules, and which of them can never fire. What could not be read in time says so, and the rest is there."""
        label = environment_label(self.catalogue(), environment)
        blank = EnvironmentRules(environment=environment, label=label)
        prometheus = self.prometheus(environment)
        if prometheus is None:
            return replace(blank, problem=_UNNAMED)
        deadline = deadline_in(self.answer_seconds)
        found, problem = await _within(deadline, prometheus.rules())
        own = (rule for each in found if (rule := each.within(label, environment) if label else each))
        rules = tuple(replace(rule, is_watchdog=self._is_watchdog(rule)) for rule in own)
        search = SeriesSearch(
            prometheus=prometheus,
            scope=lambda selector: scoped(selector, label, environment) if label else selector,
            deadline=deadline,
        )
        verdicts = await search.verdicts(rules)
        return replace(blank, rules=rules, verdicts=verdicts, notices=notices_of(found), problem=problem)

    def _is_watchdog(self, rule: AlertRule) -> bool:
        alerts, labels = self.catalogue().alerts, {**rule.labels, "alertname": rule.name}
        watchdogs = alerts.watchdogs if alerts else ()
        return any(all(matches(matcher, labels) for matcher in watchdog.matchers) for watchdog in watchdogs)


async def _by_series(prometheus: InstantQueries, deadline: float, blank: EnvironmentTargets) -> EnvironmentTargets:
    """What the series ``up`` say where there is no list, because it is too long or the server has none."""
    expression = scoped("up", blank.label, blank.environment) if blank.label else "up"
    samples, problem = await _within(deadline, prometheus.query(expression, only=ANY_LABELS))
    if problem:
        return blank
    targets = tuple(map(_target, samples))
    return replace(blank, targets=targets, notices=notices_of(samples), unlisted=blank.problem, problem="")


def _target(sample: Sample) -> ScrapeTarget:
    job, instance = (sample.labels.get(name, "") for name in ("job", "instance"))
    return ScrapeTarget(job, instance, "up" if sample.value == 1 else "down", "", None, sample.labels)


async def _within(deadline: float, reading: Awaitable[tuple[_Item, ...]]) -> tuple[tuple[_Item, ...], Text]:
    """What was read, or why nothing was."""
    try:
        async with answer_until(deadline):
            return await reading, ""
    except DeepechoError as error:
        return (), error.sentence
