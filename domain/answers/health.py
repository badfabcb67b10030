"""The answer about health."""

from dataclasses import dataclass
from datetime import datetime

from domain.facts import Answer
from domain.health import HealthLine


@dataclass(frozen=True, slots=True)
class EnvironmentHealth:
    """The lines of one environment, red first."""

    environment: str
    lines: tuple[HealthLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthAnswer(Answer):
    """How environments are, and when that was asked."""

    at: datetime
    environments: tuple[EnvironmentHealth, ...]
