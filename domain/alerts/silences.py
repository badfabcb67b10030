"""Alertmanager's silences: until a silence ends, alerts that fit all of its matchers notify nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.matchers import Matcher

SAME_TIME = timedelta(seconds=1)
"""Two ends that are nearer are one: Alertmanager keeps milliseconds."""


class SilenceState(StrEnum):
    """The state of a silence. EXPIRED is final; Alertmanager deletes expired silences after five days."""

    ACTIVE = "active"
    PENDING = "pending"
    EXPIRED = "expired"


class OnNew(StrEnum):
    """What happens when something new fires under a silence: see ``domain.alerts.tripwires``."""

    TELL = "tell"
    LIFT = "lift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """One silence. Times are exact to the millisecond; ``by`` and ``comment`` are free text of its creator."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    by: str
    comment: str
    state: SilenceState

    @property
    def in_force(self) -> bool:
        """Whether it is active or pending."""
        return self.state is not SilenceState.EXPIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDetails:
    """An alert that Alertmanager lists. ``silenced_by`` are the ids of the silences that hide it, by its own account."""

    fingerprint: str
    labels: Mapping[str, str]
    silenced_by: tuple[str, ...] = ()
