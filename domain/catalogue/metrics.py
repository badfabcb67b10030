"""Metrics in the catalogue: names for common questions, and how environments of one Prometheus are told apart."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.catalogue.base import ConfigModel
from domain.catalogue.slo import SERVICE, IndicatorConfig, SloName

LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,63}$")]


class MetricConfig(IndicatorConfig):
    """A question with a name: ``of_service`` is the same about one service."""

    unit: Literal["", "%", "s", "ms", "/min", "/s", "bytes"] = ""
    of_service: IndicatorConfig | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.names_service:
            raise ValueError(f"{SERVICE} belongs into an expression under of_service")
        return self

    @property
    def indicators(self) -> tuple[IndicatorConfig, ...]:
        """Whatever is asked of a Prometheus for this name."""
        return (self, self.of_service) if self.of_service else (self,)


class MetricsConfig(ConfigModel):
    """``label`` tells the environments of one Prometheus apart, in the expressions that people type."""

    label: LabelName = "environment"
    names: dict[SloName, MetricConfig] = Field(default_factory=dict)
