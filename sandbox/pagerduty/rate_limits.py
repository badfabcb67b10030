"""PagerDuty's limits: some 120 events per minute and key, 960 REST requests per minute and token. Both over the last 60 s."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

EVENTS_PER_MINUTE = 120
REQUESTS_PER_MINUTE = 960
_WINDOW = timedelta(seconds=60)


@dataclass(slots=True)
class RateLimit:
    """A limit for each name."""

    per_minute: int
    _taken: dict[str, deque[datetime]] = field(default_factory=dict)

    def take(self, name: str, now: datetime) -> bool:
        """Whether one more is let through."""
        taken = self._taken.setdefault(name, deque())
        while taken and now - taken[0] >= _WINDOW:
            taken.popleft()
        if len(taken) >= self.per_minute:
            return False
        taken.append(now)
        return True

    def headers(self, name: str, now: datetime) -> dict[str, str]:
        """``ratelimit-…`` as PagerDuty sends them; ``reset`` in seconds."""
        taken = self._taken.get(name, deque())
        reset = (_WINDOW - (now - taken[0])).total_seconds() if taken else 0
        return {
            "ratelimit-limit": str(self.per_minute),
            "ratelimit-remaining": str(self.per_minute - len(taken)),
            "ratelimit-reset": str(max(int(reset + 0.999), 0)),
        }
