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
_PLACEHOLDER = re.compile(rf"{re.escape(ENVIRONMENT)}\b")
_WINDOW = re.compile(rf"{re.escape(WINDOW)}\b")

SloName = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")]


class SloConfig(ConfigModel):
    """An indicator and its limit. ``expression`` is PromQL with one value; the objective is a share of the time, in per cent.

    ``requests`` is PromQL for how many requests there were in ``$window``: without it, the deploy guard cannot judge.
    """

    expression: str = Field(min_length=1, max_length=2000)
    below: float | None = Field(default=None, allow_inf_nan=False)
    above: float | None = Field(default=None, allow_inf_nan=False)
    unit: Literal["", "%", "s", "ms", "/min"] = ""
    objective: float = Field(default=99.0, gt=0, lt=100)
    requests: str = Field(default="", max_length=2000)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.below is None) == (self.above is None):
            raise ValueError("needs either below or above")
        if any("$" in _WINDOW.sub("", _PLACEHOLDER.sub("", each)) for each in (self.expression, self.requests)):
            raise ValueError(f"the placeholders of an expression are {ENVIRONMENT} and {WINDOW}")
        if self.requests and not _WINDOW.search(self.requests):
            raise ValueError(f"requests has to count those of {WINDOW}, such as increase(requests_total[{WINDOW}])")
        return self

    @property
    def limit(self) -> float:
        """What the value has to stay below, or above."""
        return self.below if self.below is not None else self.above or 0.0

    def expression_in(self, environment: str, window: timedelta = USUAL_WINDOW) -> str:
        """The expression for an environment, whose name is a DNS label and needs no escape."""
        return _fill(self.expression, environment, window)

    def requests_in(self, environment: str, window: timedelta) -> str:
        """The expression for the number of requests; empty without one."""
        return _fill(self.requests, environment, window)

    @property
    def covers_window(self) -> bool:
        """Whether the expression itself is about the time that is looked at, and not about a time of its own."""
        return _WINDOW.search(self.expression) is not None

    @property
    def names_environment(self) -> bool:
        """Whether every expression tells one environment from others."""
        return all(_PLACEHOLDER.search(each) for each in (self.expression, self.requests) if each)

    def is_kept(self, value: float) -> bool:
        """Whether the value is inside the limit."""
        return value < self.limit if self.below is not None else value > self.limit


def _fill(expression: str, environment: str, window: timedelta) -> str:
    return _WINDOW.sub(f"{max(1, round(window.total_seconds()))}s", _PLACEHOLDER.sub(environment, expression))
