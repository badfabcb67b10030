"""Silences, as Alertmanager keeps them: alerts that all matchers fit notify nobody until the end."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.matchers import Matcher


class SilenceState(StrEnum):
    """Where a silence is in its life. It never comes back from EXPIRED; Alertmanager forgets it after five days."""

    ACTIVE = "active"
    PENDING = "pending"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """One silence. Times to the millisecond; ``by`` and ``comment`` are whatever its maker wrote."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    by: str
    comment: str
    state: SilenceState

    @property
    def in_force(self) -> bool:
        """Whether it silences something now or will."""
        return self.state is not SilenceState.EXPIRED
