"""What a cluster still knows of changes that others made: an autoscaler's moves, and whose hand wrote a Deployment last."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingEvent:
    """An autoscaler set the replicas of a Deployment; to how many is None where no event tells it any more."""

    autoscaler: str
    deployment: str
    at: datetime
    replicas: int | None = None


@dataclass(frozen=True, slots=True)
class FieldManager:
    """Who wrote, by the name that the program gave itself (``helm``, ``kubectl-set``), and when it last did."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldManagers:
    """Who set the image of the service's container, and who set the replicas by hand; None where nobody is noted."""

    image: FieldManager | None = None
    replicas: FieldManager | None = None
