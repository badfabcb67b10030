"""Measures an environment: every check at once, each with its own time, and none sinks the others."""

import asyncio
import math
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, DeepechoError
from domain.health import UNHURRIED_TIMEOUT, HealthCheck, HealthLevel, HealthLine, LeftByNight, NightSource
from domain.rich_text import Text

log = structlog.get_logger()

FoundT = TypeVar("FoundT")


@dataclass(frozen=True, slots=True)
class HealthSources:
    """What the families measure. Filled before anything is started."""

    checks: list[HealthCheck] = field(default_factory=list)
    night: list[NightSource] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NightReport:
    """What a night left behind, and the sources that could not be asked, with the reason."""

    left: tuple[LeftByNight, ...] = ()
    problems: tuple[Text, ...] = ()


class HealthReader:
    """Runs the checks of all families."""

    def __init__(self, sources: HealthSources, clock: Clock) -> None:
        self._sources, self._clock = sources, clock

    async def measure(self, environment: str, *, unhurried: bool = False) -> tuple[HealthLine, ...]:
        """The lines of every check, red first, and in the order of the checks among equals."""
        checks = [_unhurried(each) if unhurried else each for each in self._sources.checks]
        found = await asyncio.gather(*(self._run(check, environment) for check in checks))
        return tuple(sorted((each for lines in found for each in lines), key=lambda each: each.level.rank))

    async def left_by_night(self, environment: str, since: datetime, until: datetime, *, unhurried: bool = False) -> NightReport:
        """What is left from between two instants."""
        sources: Sequence[NightSource] = self._sources.night
        least = UNHURRIED_TIMEOUT if unhurried else timedelta()
        found = await asyncio.gather(
            *(attempt(each.name, each.find(environment, since, until), max(each.timeout, least)) for each in sources)
        )
        left = tuple(item for items, _ in found for item in items)
        return NightReport(
            left, tuple(f"{each.name} {problem}" for each, (_, problem) in zip(sources, found, strict=True) if problem)
        )

    async def _run(self, check: HealthCheck, environment: str) -> tuple[HealthLine, ...]:
        lines, problem = await attempt(check.name, check.run(environment), check.timeout)
        if not problem:
            return tuple(map(_storable, lines))
        at = self._clock.now()
        return (HealthLine(system=check.name, level=HealthLevel.UNKNOWN, text=problem, measured_at=at),)


def _unhurried(check: HealthCheck) -> HealthCheck:
    """The check with the time that it may take when nobody waits."""
    return replace(check, run=check.unhurried or check.run, timeout=max(check.timeout, UNHURRIED_TIMEOUT))


def _storable(line: HealthLine) -> HealthLine:
    """The line without NaN and infinity, which JSON does not have: a digest with one could not be read again."""
    return replace(line, value=_finite(line.value), series=tuple(map(_finite, line.series)))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


async def attempt(name: str, asked: Awaitable[tuple[FoundT, ...]], limit: timedelta) -> tuple[tuple[FoundT, ...], Text]:
    """What was found, or why it is not known. ``name`` is for the log."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await asked, ""
    except TimeoutError:
        return (), f"not known: no answer within {limit.total_seconds():g} s"
    except DeepechoError as error:
        return (), f"not known: {error}"
    except UNEXPECTED_ERRORS:
        log.exception("a check failed", check=name)
        return (), "not known: the check ended in an error of deepecho; its log has it"
