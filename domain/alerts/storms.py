"""A storm: so many new alert groups in one channel that one card tells of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.severities import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """New groups of this channel are folded into it until none has come for a while."""

    id: str
    channel: str
    began_at: datetime
    last_at: datetime
    """When the newest group was folded in."""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Groups of one name and severity: how many there are, how many of them fire."""

    title: str
    severity: Severity
    groups: int
    firing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedGroup:
    """One folded group, as the storm's card lists it."""

    id: str
    title: str
    severity: Severity
    environment: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """The group labels: what tells it from others of its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StormCard:
    """What a storm's card shows: how much, what, and the worst groups that fire still, newest first."""

    storm: Storm
    at: datetime
    tallies: tuple[Tally, ...]
    """The worst and largest first."""
    worst: tuple[FoldedGroup, ...]

    @property
    def groups(self) -> int:
        """How many groups are folded into it."""
        return sum(each.groups for each in self.tallies)

    @property
    def firing(self) -> int:
        """How many of them fire."""
        return sum(each.firing for each in self.tallies)
