"""Buckets: how many messages one destination gets in a time, and when one message has to stand for many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``messages`` within ``span``."""

    messages: int
    span: timedelta


PERSON_LIMITS = (
    Limit(5, timedelta(minutes=15)),
    Limit(11, timedelta(hours=1)),
    Limit(21, timedelta(hours=3)),
)
"""GoAlert's limits of alerts by SMS: more than that has been blocked as spam by carriers, and tells nobody anything new."""
SERVICE_LIMITS = (Limit(100, timedelta(minutes=1)),)
"""For machines: PagerDuty takes about 120 events a minute and key."""

BUNDLE_DELAY = timedelta(seconds=15)
"""How long the last message of a bucket waits for others that it announces too."""
URGENT_PER_MINUTE = 3
"""First pages of new P0s that pass a full bucket in a minute. Above that they are a storm, and bundled as all others."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a bucket still takes. ``opens_at`` is when it takes more, if ``free`` is 0."""

    free: int
    opens_at: datetime | None = None


def room_in(limits: Sequence[Limit], sent_at: Sequence[datetime], now: datetime) -> Room:
    """The room of a bucket, from the times at which messages were sent to the destination, in any order."""
    rooms = [_room(limit, sent_at, now) for limit in limits]
    free = min((room.free for room in rooms), default=1_000_000)
    openings = [room.opens_at for room in rooms if room.opens_at is not None]
    return Room(free, max(openings) if openings and not free else None)


def _room(limit: Limit, sent_at: Sequence[datetime], now: datetime) -> Room:
    # What lies in the future was sent before the clock was set back: it counts as sent now.
    within = sorted(min(at, now) for at in sent_at if min(at, now) > now - limit.span)
    free = limit.messages - len(within)
    if free > 0:
        return Room(free)
    return Room(0, within[len(within) - limit.messages] + limit.span)


@dataclass(frozen=True, slots=True)
class Sending:
    """What to do with the next message to a destination: send it alone, with all that wait, or wait until ``wait_until``."""

    bundled: bool = False
    wait_until: datetime | None = None


def decide(room: Room, waiting: int, oldest_at: datetime, now: datetime, *, urgent: bool, urgent_sent: int) -> Sending:
    """How the next message goes. ``waiting`` counts it too; ``urgent``: it is the first page of a new P0.

    ``urgent_sent``: how many of those were sent there within the last minute.
    """
    if urgent and (room.free > 1 or urgent_sent < URGENT_PER_MINUTE):
        return Sending()
    if room.free > 1:
        return Sending()
    if room.free == 0:
        return Sending(wait_until=room.opens_at)
    # The last place: it is kept until it is clear how many more it has to announce.
    ready_at = oldest_at + BUNDLE_DELAY
    return Sending(bundled=waiting > 1) if now >= ready_at or oldest_at > now else Sending(wait_until=ready_at)
