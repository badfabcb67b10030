"""Service level objectives in the catalogue: what is measured, its limit, and how much of the time it has to hold."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.catalogue.base import ConfigModel

ENVIRONMENT = "$environment"
"""In an expression, the name of the environment that is asked about."""
_PLACEHOLDER = re.compile(rf"{re.escape(ENVIRONMENT)}\b")

SloName = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")]


class SloConfig(ConfigModel):
    """An indicator and its limit. ``expression`` is PromQL with one value; the objective is a share of the time, in per cent."""

    expression: str = Field(min_length=1, max_length=2000)
    below: float | None = Field(default=None, allow_inf_nan=False)
    above: float | None = Field(default=None, allow_inf_nan=False)
    unit: Literal["", "%", "s", "ms", "/min"] = ""
    objective: float = Field(default=99.0, gt=0, lt=100)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.below is None) == (self.above is None):
            raise ValueError("needs either below or above")
        if "$" in _PLACEHOLDER.sub("", self.expression):
            raise ValueError(f"the only placeholder of an expression is {ENVIRONMENT}")
        return self

    @property
    def limit(self) -> float:
        """What the value has to stay below, or above."""
        return self.below if self.below is not None else self.above or 0.0

    def expression_in(self, environment: str) -> str:
        """The expression for an environment, whose name is a DNS label and needs no escape."""
        return _PLACEHOLDER.sub(environment, self.expression)

    @property
    def names_environment(self) -> bool:
        """Whether the expression tells one environment from others."""
        return _PLACEHOLDER.search(self.expression) is not None

    def is_kept(self, value: float) -> bool:
        """Whether the value is inside the limit."""
        return value < self.limit if self.below is not None else value > self.limit
