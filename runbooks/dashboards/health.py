"""Grafana as a system that ``health`` shows: whether it answers, and whether it takes annotations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from domain.clock import Clock
from domain.errors import DeepechoError
from domain.health import HealthLevel, HealthLine
from domain.rich_text import Text, sentence


class Pingable(Protocol):
    """What says its version."""

    async def ping(self) -> str: ...


@dataclass(frozen=True, slots=True)
class GrafanaHealth:
    """``problem`` is why an environment's Grafana did not take the last annotation; empty where it did."""

    clock: Clock
    grafana: Callable[[str], Pingable | None]
    problem: Callable[[str], Text]

    async def check(self, environment: str) -> tuple[HealthLine, ...]:
        """One line; none where the catalogue names no Grafana."""
        grafana = self.grafana(environment)
        if grafana is None:
            return ()
        problem = self.problem(environment)
        try:
            version = await grafana.ping()
        except DeepechoError as error:
            return self._line(HealthLevel.YELLOW, sentence("gives no usable answer: ", error.sentence))
        if problem:
            return self._line(HealthLevel.YELLOW, sentence("answers, but takes no annotations: ", problem))
        return self._line(HealthLevel.GREEN, f"answers, version {version}" if version else "answers")

    def _line(self, level: HealthLevel, text: Text) -> tuple[HealthLine]:
        return (HealthLine(system="Grafana", level=level, text=text, measured_at=self.clock.now()),)
