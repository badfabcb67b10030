"""Jaeger as a system that ``health`` shows: whether it answers, and whether anything sends it spans."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from domain.clock import Clock
from domain.errors import DeepechoError
from domain.health import HealthLevel, HealthLine
from domain.rich_text import Text, sentence

HEALTH_SECONDS = 4.0
"""For both APIs together."""


class ServiceList(Protocol):
    """What names the services that sent spans."""

    async def services(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class JaegerHealth:
    """``jaeger`` gives the client of an environment, and None where the catalogue names no address."""

    clock: Clock
    jaeger: Callable[[str], ServiceList | None]
    seconds: float = HEALTH_SECONDS

    async def check(self, environment: str) -> tuple[HealthLine, ...]:
        """One line; none where the catalogue names no Jaeger. Yellow, because nothing that people use stands without it."""
        jaeger = self.jaeger(environment)
        if jaeger is None:
            return ()
        try:
            async with asyncio.timeout(self.seconds):
                services = await jaeger.services()
        except TimeoutError:
            return self._line(HealthLevel.YELLOW, f"did not answer within {self.seconds:g} s")
        except DeepechoError as error:
            return self._line(HealthLevel.YELLOW, sentence("gives no usable answer: ", error.sentence))
        if not services:
            return self._line(HealthLevel.YELLOW, "answers, but no service has sent it spans")
        return self._line(
            HealthLevel.GREEN, f"answers, has traces of {len(services):,} service{'s' if len(services) > 1 else ''}"
        )

    def _line(self, level: HealthLevel, text: Text) -> tuple[HealthLine]:
        return (HealthLine(system="Jaeger", level=level, text=text, measured_at=self.clock.now()),)
