"""Health: what one system's check measured, and what the night left for somebody to decide."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.rich_text import Text

CHECK_TIMEOUT = timedelta(seconds=1.5)
"""All checks run at once, and an answer must be there within 2 s."""

UNHURRIED_TIMEOUT = timedelta(seconds=10)
"""For a digest that is due, nobody waits: what is slow is waited for."""


class HealthLevel(StrEnum):
    """How a system is. ``UNKNOWN``: its check could not be made."""

    RED = "red"
    YELLOW = "yellow"
    UNKNOWN = "unknown"
    GREEN = "green"

    @property
    def rank(self) -> int:
        """0 for what is shown first."""
        return list(HealthLevel).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLine:
    """One system at one moment. ``series`` are values of the last day at equal distances, the newest last, drawn as a sparkline.

    None in it, or as ``value``, is what was not measured: NaN cannot be stored.
    ``value`` is the number that a digest compares with those of the days before; None where there is none to compare.
    ``commands`` show more or change it, without the word that every command begins with.
    """

    system: str
    level: HealthLevel
    text: Text
    measured_at: datetime
    value: float | None = None
    unit: str = ""
    series: tuple[float | None, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How a system is measured. ``run`` takes the name of an environment; it may return no line where there is nothing to say.

    It may raise ``DeepechoError``. Without an answer within ``timeout`` the system is unknown.
    ``unhurried`` is as ``run``, for whom ``UNHURRIED_TIMEOUT`` is soon enough; None where ``run`` has no limit of its own.
    """

    name: str
    run: Callable[[str], Awaitable[tuple[HealthLine, ...]]]
    timeout: timedelta = CHECK_TIMEOUT
    unhurried: Callable[[str], Awaitable[tuple[HealthLine, ...]]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftByNight:
    """Something that the night left behind, with the command that deals with it and the label of its button."""

    text: Text
    command: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSource:
    """Where things are found that a night left behind. ``find`` takes an environment and the night's begin and end."""

    name: str
    find: Callable[[str, datetime, datetime], Awaitable[tuple[LeftByNight, ...]]]
    timeout: timedelta = CHECK_TIMEOUT
