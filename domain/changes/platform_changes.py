"""Changes of the platform, from whatever source, and changes under suspicion."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.people import Person


class ChangeKind(StrEnum):
    """The kinds of changes that can cause an alert."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RESTART = "restart"
    SCALE = "scale"
    CONFIG = "config"
    AUTOSCALER = "autoscaler"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformChange:
    """One change. ``description`` names it as a person would, such as ``ConfigMap deep-echo-config``.

    Without ``services`` it concerns the whole environment.
    """

    kind: ChangeKind
    environment: str
    services: tuple[str, ...]
    at: datetime
    description: str
    by: Person | None = None
    by_manager: str = ""
    """The field manager, such as ``helm``, if the cluster records no person."""
    operation_id: str = ""
    """The id of the operation that made it; empty if none did."""
    previous_versions: Mapping[str, str] = field(default_factory=dict)
    """The version of each service that ran before, if known: a rollback goes back to it."""
    ended_at: datetime | None = None
    """When it ended; None if it took no time, or has not ended."""
    running: bool = False
    """It has not ended: the operation still runs, or the environment is still locked."""
    outcome: str = ""
    """How it ended, if not as planned: ``a person cancelled it``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A change under suspicion. ``score`` is 1 to 100; ``reasons`` explain it in short phrases, such as ``12 min before``."""

    change: PlatformChange
    score: int
    reasons: tuple[str, ...]
