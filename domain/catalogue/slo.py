"""Service level objectives in the catalogue: what is measured, its limit, and how much of the time it has to hold."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.catalogue.base import ConfigModel

ENVIRONMENT = "$environment"
"""In an expression, the name of the environment that is asked about."""
WINDOW = "$window"
"""In an expression, the time that is looked at, as a range of PromQL."""
USUAL_WINDOW = timedelta(minutes=5)
"""What ``$window`` is where the value now is asked for."""
SERVICE = "$service"
"""In an expression under ``of_service``, the name of the service."""
_PLACEHOLDERS = re.compile(r"\$(environment|window|service)\b")

SloName = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")]


class IndicatorConfig(ConfigModel):
    """What is measured: ``expression`` is PromQL with one value.

    ``requests`` is PromQL for how many requests there were in ``$window``: without it, the deploy guard cannot judge.
    """

    expression: str = Field(min_length=1, max_length=2000)
    requests: str = Field(default="", max_length=2000)

    @model_validator(mode="after")
    def _check_placeholders(self) -> Self:
        if any("$" in _PLACEHOLDERS.sub("", each) for each in self._expressions):
            raise ValueError(f"the placeholders of an expression are {ENVIRONMENT} and {WINDOW}, and {SERVICE} in of_service")
        if self.requests and WINDOW not in self.requests:
            raise ValueError(f"requests has to count those of {WINDOW}, such as increase(requests_total[{WINDOW}])")
        return self

    def expression_in(self, environment: str, window: timedelta = USUAL_WINDOW, service: str = "") -> str:
        """The expression; the names of environments and services are DNS labels and need no escape."""
        return _fill(self.expression, environment, window, service)

    def requests_in(self, environment: str, window: timedelta, service: str = "") -> str:
        """The expression for the number of requests; empty without one."""
        return _fill(self.requests, environment, window, service)

    @property
    def covers_window(self) -> bool:
        """Whether the expression itself is about the time that is looked at, and not about a time of its own."""
        return WINDOW in self.expression

    @property
    def names_environment(self) -> bool:
        """Whether every expression tells one environment from others."""
        return all(ENVIRONMENT in each for each in self._expressions)

    @property
    def names_service(self) -> bool:
        """Whether any expression is about one service."""
        return any(SERVICE in each for each in self._expressions)

    @property
    def _expressions(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.expression, self.requests)))


class SloConfig(IndicatorConfig):
    """An indicator and its limit. The objective is a share of the time, in per cent.

    ``of_service`` is the same indicator of one service: the deploy guard prefers it, because it looks at what was deployed.
    """

    below: float | None = Field(default=None, allow_inf_nan=False)
    above: float | None = Field(default=None, allow_inf_nan=False)
    unit: Literal["", "%", "s", "ms", "/min"] = ""
    objective: float = Field(default=99.0, gt=0, lt=100)
    of_service: IndicatorConfig | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.below is None) == (self.above is None):
            raise ValueError("needs either below or above")
        if self.names_service:
            raise ValueError(f"{SERVICE} belongs into an expression under of_service")
        if self.of_service and SERVICE not in self.of_service.expression:
            raise ValueError(f"of_service needs {SERVICE} in its expression")
        if self.of_service and self.of_service.requests and SERVICE not in self.of_service.requests:
            # The requests of others would make a service of which nobody asks anything look measured.
            raise ValueError(f"of_service needs {SERVICE} in its requests")
        return self

    @property
    def indicators(self) -> tuple[IndicatorConfig, ...]:
        """Whatever is asked of a Prometheus for this objective."""
        return (self, self.of_service) if self.of_service else (self,)

    @property
    def limit(self) -> float:
        """What the value has to stay below, or above."""
        return self.below if self.below is not None else self.above or 0.0

    def is_kept(self, value: float) -> bool:
        """Whether the value is inside the limit."""
        return value < self.limit if self.below is not None else value > self.limit


def _fill(expression: str, environment: str, window: timedelta, service: str) -> str:
    words = {"environment": environment, "window": f"{max(1, round(window.total_seconds()))}s", "service": service}
    return _PLACEHOLDERS.sub(lambda found: words[found[1]], expression)
