"""Leases: what the bot has set for a time, with its owner, its purpose, its end and how to undo it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.alerts.silences import Silence
from domain.people import Person

SAME_TIME = timedelta(seconds=1)
"""Two ends that are nearer are one: Alertmanager keeps milliseconds."""


class LeaseKind(StrEnum):
    """What was set."""

    SILENCE = "silence"
    WINDOW_SILENCE = "maintenance silence"
    FREEZE = "freeze"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One thing that was set. ``key`` names it in the system where it was set: the id of a silence, of a window.

    ``source`` is that of its alerts, which may have an Alertmanager of its own; ``undo`` is the command that ends it.
    """

    kind: LeaseKind
    environment: str
    key: str
    owner: Person
    purpose: str
    set_at: datetime
    until: datetime
    undo: str
    source: str = ""


class Reality(StrEnum):
    """What the other system says of a lease."""

    HELD = "held"
    CHANGED = "changed"
    """It is there with another end: somebody has changed it."""
    GONE = "gone"
    UNKNOWN = "unknown"
    """The other system did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReading:
    """A lease compared with reality. ``found_until`` is its end there; None where it is gone or unknown."""

    lease: Lease
    reality: Reality
    found_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A silence that carries the bot's mark and of which nothing is recorded. ``undo`` is empty where no command ends it."""

    environment: str
    key: str
    made_by: str
    purpose: str
    until: datetime
    undo: str = ""


def compare(lease: Lease, found: Silence | None) -> LeaseReading:
    """A lease and the silence that has its key; None if Alertmanager has none."""
    if found is None or not found.in_force:
        return LeaseReading(lease=lease, reality=Reality.GONE)
    is_same = abs(found.ends_at - lease.until) < SAME_TIME
    return LeaseReading(lease=lease, reality=Reality.HELD if is_same else Reality.CHANGED, found_until=found.ends_at)
