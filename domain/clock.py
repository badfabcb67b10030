"""The clock, as a value that is passed in: no other code asks the machine for the time."""

import time
from collections.abc import Callable
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


Seconds = Callable[[], float]
"""A clock that only measures spans, such as ``time.monotonic``: nobody can set it."""


def boottime_seconds() -> float:
    """Seconds on a clock that also advances while the machine is suspended; on Linux ``time.monotonic`` does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Stopwatch:
    """Time that has passed, whatever happens to the wall clock meanwhile."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds, self._started = seconds, seconds()

    @property
    def elapsed(self) -> timedelta:
        """The time since it was started."""
        return timedelta(seconds=self._seconds() - self._started)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)
