"""How often an app may call: a message a second and channel, and a tier for each method.

Numbers: Slack's rate-limit page and the method table of the Java SDK (Tier 1 to 4: 1, 20, 50, 100 a minute).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.slack.errors import Json

POST_BURST = 3.0
POSTS_PER_SECOND = 1.0
_TIERS = {
    1: "apps.connections.open",
    2: "conversations.create conversations.rename conversations.archive conversations.unarchive conversations.setTopic "
    "conversations.setPurpose conversations.list users.list usergroups.list usergroups.users.list pins.add pins.remove "
    "pins.list bookmarks.add bookmarks.edit bookmarks.remove bookmarks.list",
    3: "chat.update chat.delete chat.scheduleMessage conversations.invite conversations.join conversations.info "
    "conversations.history conversations.replies conversations.open conversations.kick conversations.leave "
    "users.lookupByEmail users.conversations reactions.add reactions.remove reactions.get",
    4: "chat.postEphemeral conversations.members files.getUploadURLExternal files.completeUploadExternal files.info "
    "users.info views.open views.update views.push views.publish",
}
_CALLS_PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}
_TIER_OF = {method: tier for tier, methods in _TIERS.items() for method in methods.split()}


@dataclass(slots=True)
class TokenBucket:
    """A token bucket: ``size`` at once, ``rate`` a second."""

    capacity: float
    refill_rate: float
    tokens: float
    updated_at: float

    def take(self, now: float) -> float:
        """Take one; the seconds to wait when there is none (then nothing is taken)."""
        self.tokens = min(self.capacity, self.tokens + (now - self.updated_at) * self.refill_rate)
        self.updated_at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.refill_rate


@dataclass(slots=True)
class RateLimiter:
    """``scale`` None only counts; a number enforces, with every limit multiplied by it."""

    now: Callable[[], float]
    scale: float | None = None
    over_budget: dict[str, int] = field(default_factory=dict)
    _buckets: dict[str, TokenBucket] = field(default_factory=dict)

    def retry_after(self, method: str, channel: str | None) -> int | None:
        """Whole seconds for `Retry-After`, or None when the call may pass."""
        wait = 0.0
        if method == "chat.postMessage" and channel:
            wait = self._take(f"channel {channel}", POST_BURST, POSTS_PER_SECOND)
            if wait:
                self.over_budget[channel] = self.over_budget.get(channel, 0) + 1
        elif self.scale is not None and method in _TIER_OF:
            a_minute = float(_CALLS_PER_MINUTE[_TIER_OF[method]])
            wait = self._take(method, a_minute, a_minute / 60)
        return max(1, math.ceil(wait)) if wait and self.scale is not None else None

    def _take(self, key: str, size: float, rate: float) -> float:
        scale = self.scale or 1.0
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(size * scale, rate * scale, size * scale, self.now())
        return bucket.take(self.now())

    def set_scale(self, scale: float | None) -> None:
        """Enforce with ``scale``, or only count with None; every bucket starts full."""
        self.scale = scale
        self._buckets.clear()
        self.over_budget.clear()

    def as_json(self) -> Json:
        return {"scale": self.scale, "over_budget": self.over_budget}
