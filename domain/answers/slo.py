"""Answers about service level objectives."""

from dataclasses import dataclass
from datetime import datetime

from domain.facts import Answer
from domain.metrics.slo import SloStatus
from domain.rich_text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSlo:
    """The objectives of one environment; with a ``problem`` none of them could be read."""

    environment: str
    objectives: tuple[SloStatus, ...] = ()
    problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SloAnswer(Answer):
    """How the objectives stand, ``at`` the time of the measurement."""

    at: datetime
    environments: tuple[EnvironmentSlo, ...]
