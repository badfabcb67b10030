"""Answers about what a Prometheus scrapes, and which alerts it evaluates."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.facts import Answer
from domain.metrics.monitoring_rules import AlertRule, ScrapeTarget
from domain.metrics.rule_series import SeriesVerdicts
from domain.metrics.samples import QueryNotice
from domain.rich_text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentTargets:
    """What is scraped of one environment. ``label`` tells it from others in the same Prometheus; empty where it is alone.

    With a ``problem`` nothing could be read. ``unlisted`` is why there is no list: the targets are those of the series ``up``,
    without reasons and times.
    """

    environment: str
    label: str = ""
    targets: tuple[ScrapeTarget, ...] = ()
    unlisted: Text = ""
    notices: tuple[QueryNotice, ...] = ()
    problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsAnswer(Answer):
    """What is scraped, ``at`` the time of the question."""

    at: datetime
    environments: tuple[EnvironmentTargets, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRules:
    """The rules that can make alerts of one environment; ``label`` and ``problem`` as with targets."""

    environment: str
    label: str = ""
    rules: tuple[AlertRule, ...] = ()
    verdicts: SeriesVerdicts = field(default_factory=SeriesVerdicts)
    notices: tuple[QueryNotice, ...] = ()
    problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesAnswer(Answer):
    """Rules and their alerts, ``at`` the time of the question."""

    at: datetime
    environments: tuple[EnvironmentRules, ...]
