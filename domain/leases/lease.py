"""Leases: what the bot has set for a time, with its owner, its purpose, its end and how to undo it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.alerts.silences import SAME_TIME, Silence
from domain.people import Person
from domain.rich_text import Text
from domain.targets import Target


class LeaseKind(StrEnum):
    """What was set."""

    SILENCE = "silence"
    WINDOW_SILENCE = "maintenance silence"
    FREEZE = "freeze"
    SCALE = "scale"
    USER_GROUP = "user group"

    @property
    def ends_by_itself(self) -> bool:
        """Whether the other system ends it, so that it does not outlast its end. Scales and groups are changed by the bot."""
        return self not in (LeaseKind.SCALE, LeaseKind.USER_GROUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledWorkload:
    """The number of pods that a scale has set, and the one that comes back at its end."""

    target: Target
    uid: str
    replicas: int
    previous_replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One thing that was set. ``key`` names it in the system where it was set: the id of a silence, a window, an operation.

    ``source`` is that of its alerts, which may have an Alertmanager of its own; ``undo`` is the command that ends it.
    ``abandoned`` says why the bot does not end it, and nothing else does. ``members`` are the user ids in a group of Slack, which
    belongs to no environment; without any it is disabled.
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
    scaled: ScaledWorkload | None = None
    abandoned: Text = ""
    members: tuple[str, ...] = ()


class Reality(StrEnum):
    """What the other system says of a lease."""

    HELD = "held"
    CHANGED = "changed"
    """It is there with another end or another number: somebody has changed it."""
    OVERDUE = "overdue"
    """It is there after its end."""
    GONE = "gone"
    UNKNOWN = "unknown"
    """The other system did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReading:
    """A lease compared with reality. ``found_until`` is its end there; None where it is gone or unknown.

    ``remark`` is a sentence about what is there instead, or on top of it.
    """

    lease: Lease
    reality: Reality
    found_until: datetime | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """What the bot has set and does not end: a silence that nobody recorded, a scale that was not put back.

    ``undo`` is empty where no command ends it; ``why`` says what kept the bot from ending it. ``owner`` is known where a lease
    was recorded; ``made_by`` is what the other system says.
    """

    kind: LeaseKind = LeaseKind.SILENCE
    environment: str
    key: str
    made_by: str = ""
    owner: Person | None = None
    purpose: str
    until: datetime
    undo: str = ""
    why: Text = ""


def compare(lease: Lease, found: Silence | None) -> LeaseReading:
    """A lease and the silence that has its key; None if Alertmanager has none."""
    if found is None or not found.in_force:
        return LeaseReading(lease=lease, reality=Reality.GONE)
    is_same = abs(found.ends_at - lease.until) < SAME_TIME
    return LeaseReading(lease=lease, reality=Reality.HELD if is_same else Reality.CHANGED, found_until=found.ends_at)
