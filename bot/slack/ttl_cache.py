"""A cache whose values expire, are loaded once for all who ask at the same time, and can be forgotten while they load."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from domain.clock import Clock

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Value]):
    """A value and when its load began, by the clock and by the machine's own count of seconds, which nobody sets back."""

    value: Value
    loaded_at: datetime
    monotonic_seconds: float

    def is_valid(self, now: datetime, ttl: timedelta) -> bool:
        """Whether it is younger than ``ttl`` by both clocks."""
        age_seconds = time.monotonic() - self.monotonic_seconds
        return timedelta() <= now - self.loaded_at < ttl and age_seconds < ttl.total_seconds()


class TtlCache(Generic[Value]):
    """Values by key, each at most ``ttl`` old. At most one load for each key runs at a time."""

    def __init__(self, load: Callable[[str], Awaitable[Value]], clock: Clock, ttl: timedelta) -> None:
        self._load, self._clock, self._ttl = load, clock, ttl
        self._entries: dict[str, _Entry[Value]] = {}
        self._pending: dict[str, asyncio.Task[Value]] = {}

    async def get(self, key: str) -> Value:
        """The value. Cancelling one caller does not cancel the load, because others may wait for it."""
        entry = self._entries.get(key)
        if entry is not None and entry.is_valid(self._clock.now(), self._ttl):
            return entry.value
        return await self._load_shared(key)

    async def fresh(self, key: str) -> Value:
        """The value of a load that began after this call. All who wait for an earlier load share the next one."""
        if (earlier := self._pending.get(key)) is not None:
            await asyncio.wait({earlier})
        return await self._load_shared(key)

    def forget(self, is_outdated: Callable[[str, Value], bool] = lambda _key, _value: True) -> None:
        """Drop the values of which this is true. Loads that are under way are answered and not kept."""
        self._entries = {key: entry for key, entry in self._entries.items() if not is_outdated(key, entry.value)}
        self._pending.clear()

    async def _load_shared(self, key: str) -> Value:
        if key not in self._pending:
            task = asyncio.create_task(self._fetch(key), name=f"cache-{key}")
            self._pending[key] = task
            task.add_done_callback(lambda done: self._on_fetched(key, done))
        return await asyncio.shield(self._pending[key])

    async def _fetch(self, key: str) -> Value:
        # The age counts from before the request: what was changed meanwhile may be missing from its answer.
        loaded_at, monotonic_seconds = self._clock.now(), time.monotonic()
        value = await self._load(key)
        self._entries = {key: entry for key, entry in self._entries.items() if entry.is_valid(loaded_at, self._ttl)}
        if self._pending.get(key) is asyncio.current_task():
            self._entries[key] = _Entry(value, loaded_at, monotonic_seconds)
        return value

    def _on_fetched(self, key: str, task: asyncio.Task[Value]) -> None:
        if self._pending.get(key) is task:
            del self._pending[key]
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it where every caller was cancelled
