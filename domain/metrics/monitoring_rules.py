"""What a Prometheus says about itself: what it scrapes, and which alerts it evaluates."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """One address that Prometheus scrapes. ``health`` is ``up``, ``down`` or ``unknown``; ``problem`` is Prometheus' own word."""

    job: str
    instance: str
    health: str
    problem: str
    scraped_at: datetime | None


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A rule that can make an alert. ``health`` is ``ok``, ``err`` or ``unknown``; ``problem`` is Prometheus' own word."""

    name: str
    group: str
    expression: str
    state: str
    health: str
    problem: str
