"""How long a request that worked a moment ago has been failing: the difference between a burst and a state."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

_FORGET_FAILURES_SECONDS = 60.0
"""A failure so long after the one before belongs to another burst."""
HELD_SECONDS = 600.0
"""What worked within so many seconds counts as working a moment ago."""


@dataclass(slots=True)
class _History:
    succeeded_at: float | None = None
    failing_since: float | None = None
    failed_at: float = 0.0


class Patience:
    """Successes and failures by key, such as the verb and resource of a request. Times are monotonic seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._histories: dict[Hashable, _History] = {}

    def succeeded(self, key: Hashable) -> None:
        """Record a success: a burst of failures is over."""
        history = self._history(key)
        history.succeeded_at, history.failing_since = self._monotonic(), None

    def failed(self, key: Hashable) -> float:
        """Record a failure. Returns for how many seconds it has failed in a row: 0 for the first time."""
        history, now = self._history(key), self._monotonic()
        if history.failing_since is None or now - history.failed_at > _FORGET_FAILURES_SECONDS:
            history.failing_since = now
        history.failed_at = now
        return now - history.failing_since

    def worked_lately(self, key: Hashable) -> bool:
        """Whether it succeeded within ``HELD_SECONDS``."""
        succeeded_at = self._history(key).succeeded_at
        return succeeded_at is not None and self._monotonic() - succeeded_at < HELD_SECONDS

    def _history(self, key: Hashable) -> _History:
        return self._histories.setdefault(key, _History())
