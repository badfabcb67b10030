"""The clock, as a value that is passed in: no other code asks the machine for the time."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The source of the present time."""

    def now(self) -> datetime:
        """The present time, with its zone, in UTC."""
        ...


CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far a stored time may lie in the future because of replicas whose clocks differ. What lies further was stored before the
clock was set back, and says nothing about how long ago it was."""


def is_from_the_future(stored: datetime, now: datetime) -> bool:
    """Whether a stored time of something that has happened shows that the clock was set back since."""
    return stored - now > CLOCK_TOLERANCE


def has_passed(span: timedelta, since: datetime, now: datetime) -> bool:
    """Whether more than ``span`` has passed; also if the clock was set back since: nobody waits longer than the span for that."""
    return now - since > span or is_from_the_future(since, now)


class Stopwatch:
    """Time that has passed, by a clock that may be set back: that counts as no time."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._seen_at, self._elapsed = clock, clock.now(), timedelta()

    @property
    def elapsed(self) -> timedelta:
        """The time since it was started."""
        now = self._clock.now()
        self._elapsed += max(now - self._seen_at, timedelta())
        self._seen_at = now
        return self._elapsed


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)
