"""Keeps what strangers can cause from filling the log: one event in a while, with the number of those that were left out."""

import time
from collections.abc import Callable

INTERVAL_SECONDS = 60.0


class LogThrottle:
    """Says when an event may be logged again. ``now``: a monotonic clock, in seconds."""

    def __init__(self, interval: float = INTERVAL_SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._now = interval, now
        self._next_at = float("-inf")
        self._occurrences = 0

    def due(self) -> int:
        """Count one occurrence. Return how many there were since the last event, this one included; 0 where none is due."""
        self._occurrences += 1
        if self._now() < self._next_at:
            return 0
        self._next_at = self._now() + self._interval
        occurrences, self._occurrences = self._occurrences, 0
        return occurrences
