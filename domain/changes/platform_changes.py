"""Which change may have caused an alert: scored by time, workload and dependency. Pure: the same facts name the same one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.people import Person


class ChangeKind(StrEnum):
    """What can have changed before an alert began."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RESTART = "restart"
    SCALE = "scale"
    CONFIG = "config"
    AUTOSCALER = "autoscaler"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformChange:
    """One change. ``what`` is how a person would name it: ``deploy main-9f00d12``, ``ConfigMap deep-echo-config``.

    Without ``services`` it concerns the whole environment.
    """

    kind: ChangeKind
    environment: str
    services: tuple[str, ...]
    at: datetime
    description: str
    by: Person | None = None
    by_manager: str = ""
    """Who, where the cluster only knows a manager's name such as ``helm``."""
    operation_id: str = ""
    """The id of the operation that made it, where one did."""
    previous_versions: Mapping[str, str] = field(default_factory=dict)
    """Service to the version that ran before, where that is known: what a rollback goes back to."""
    ended_at: datetime | None = None
    """When it was through; None where it happened at one moment, or goes on."""
    running: bool = False
    """It goes on: an operation that has not ended, an environment that is still locked."""
    outcome: str = ""
    """How it ended, where that was not as planned: ``a person cancelled it``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A change under suspicion. ``score`` is 1 to 100; ``reasons`` say why, the weightiest first: ``12 min before``."""

    change: PlatformChange
    score: int
    reasons: tuple[str, ...]
