"""What a Prometheus says about itself: what it scrapes, and which alerts it evaluates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.matchers import matches, parse_matcher

_MATCHER_OR_STRING = re.compile(r'(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)\s*"(?:\\.|[^"\\])*"|"(?:\\.|[^"\\])*"')


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """One address that Prometheus scrapes. ``health`` is ``up``, ``down`` or ``unknown``; ``problem`` is Prometheus' own word."""

    job: str
    instance: str
    health: str
    problem: str
    scraped_at: datetime | None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleAlert:
    """An alert that a rule has made. ``state`` is ``firing`` or ``pending``."""

    labels: Mapping[str, str]
    state: str


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A rule that can make an alert. ``health`` is ``ok``, ``err`` or ``unknown``; ``problem`` is Prometheus' own word.

    ``is_watchdog``: it always fires, to prove that alerts arrive.
    """

    name: str
    group: str
    expression: str
    health: str
    problem: str
    labels: Mapping[str, str] = field(default_factory=dict)
    alerts: tuple[RuleAlert, ...] = ()
    is_watchdog: bool = False

    def count(self, state: str) -> int:
        """How many of its alerts are in this state."""
        return sum(alert.state == state for alert in self.alerts)

    def within(self, label: str, value: str) -> "AlertRule | None":
        """The rule with the alerts of one environment; None where its labels or its expression are about others only."""
        own = self.labels.get(label, value)
        # A template in a rule's label is filled from the series.
        if (own != value and "{{" not in own) or not _can_match(self.expression, label, value):
            return None
        return replace(self, alerts=tuple(alert for alert in self.alerts if alert.labels.get(label, value) == value))


def _can_match(expression: str, label: str, value: str) -> bool:
    """Whether an expression names no value of this label, or this one too."""
    named = [match[0] for match in _MATCHER_OR_STRING.finditer(expression) if match["name"] == label]
    return not named or any(_matches(matcher, label, value) for matcher in named)


def _matches(matcher: str, label: str, value: str) -> bool:
    try:
        return matches(parse_matcher(matcher), {label: value})
    except ValueError:  # a regular expression that we cannot read
        return False
