"""A storm: so many new alert groups in one channel that one card shows all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.severities import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """One storm. New groups of its channel are folded into it until none has come for ``storm_quiet_minutes``."""

    id: str
    channel: str
    began_at: datetime
    last_at: datetime
    """When the newest group was folded into it."""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The number of groups with one title and severity, and how many of them fire."""

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
    """The group labels, which distinguish it from other groups with its title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StormCard:
    """What a storm's card shows: the tallies, and the worst groups that still fire, newest first."""

    storm: Storm
    at: datetime
    tallies: tuple[Tally, ...]
    """By severity, then by size."""
    worst: tuple[FoldedGroup, ...]

    @property
    def groups(self) -> int:
        """The number of groups that are folded into the storm."""
        return sum(each.groups for each in self.tallies)

    @property
    def firing(self) -> int:
        """The number of those that fire."""
        return sum(each.firing for each in self.tallies)
