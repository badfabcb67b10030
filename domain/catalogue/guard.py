"""The deploy guard of an environment in the catalogue."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from domain.catalogue.base import ConfigModel


class OnWorse(StrEnum):
    """What follows a deploy that does worse."""

    OFFER = "offer"
    PUT_BACK = "put back"


class GuardConfig(ConfigModel):
    """After a deploy its objectives are compared with those before, for ``bake_minutes``, over ``minimum_requests`` at least."""

    bake_minutes: float = Field(default=10, gt=0, le=24 * 60)
    minimum_requests: int = Field(default=200, ge=1)
    check_seconds: float = Field(default=30, ge=1, le=600)
    on_worse: OnWorse = OnWorse.OFFER

    @property
    def bake_time(self) -> timedelta:
        """How long a deploy is watched from its verified end on."""
        return timedelta(minutes=self.bake_minutes)

    @property
    def check_every(self) -> timedelta:
        """The time between two measurements."""
        return timedelta(seconds=self.check_seconds)
