"""Changes that others made, as far as the cluster records them: scaling by autoscalers, and field managers of a Deployment."""

from dataclasses import dataclass
from datetime import datetime

FIELD_MANAGER = "deepecho"
"""The name of the bot in ``managedFields``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingEvent:
    """An autoscaler set the replicas of a Deployment. ``replicas`` is None if the event with the number is gone."""

    autoscaler: str
    deployment: str
    at: datetime
    replicas: int | None = None


@dataclass(frozen=True, slots=True)
class FieldManager:
    """A program that wrote fields of an object, under the name that it gave itself (such as ``helm``), and when it last did."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedFields:
    """What a program owns by server-side apply: its next apply conflicts with whoever has changed that since."""

    manager: str
    images: frozenset[str] = frozenset()
    """The containers and init containers whose image it set."""
    template: bool = False
    """Whether it set anything of the template."""
    replicas: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldManagers:
    """Who last set an image of the service's containers, and who last set the replicas; None if it is not recorded."""

    image: FieldManager | None = None
    replicas: FieldManager | None = None
