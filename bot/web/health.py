"""Whether this process lives, and whether it can do its work: each check says so in words."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from domain.clock import Clock
from domain.errors import TemporaryError
from storage.store import Store

DEAF_SECONDS = 180.0
"""Alive, but without a word from Slack for so long: whatever runs the process should start a new one."""
PONG_SECONDS = 30.0
"""Slack is pinged every 5 s."""
OLD_SECONDS = 120.0
"""A message that waits longer in the outbox is stuck, not paced: ten minutes of a full channel are told by one card."""
REMEMBER_SECONDS = 1.0
"""Probes may come often; a write that is synced to the disk need not."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    good: bool
    said: str


class Health:
    """Answers the probes. ``heard_ago``: seconds since Slack was heard; None for a door that need not hear."""

    def __init__(self, store: Store, clock: Clock, replica: str, heard_ago: Callable[[], float | None] | None) -> None:
        self._store, self._clock, self._replica, self._heard_ago = store, clock, replica, heard_ago
        self._started = time.monotonic()
        self._stopping = False
        self._known: tuple[float, list[Check]] | None = None

    def stop(self) -> None:
        """From now on the process is not ready: it is going."""
        self._stopping = True

    async def live(self, _request: web.Request) -> web.Response:
        """``/healthz``: 503 only where a new process would help."""
        return _answer([self._not_deaf()])

    async def ready(self, _request: web.Request) -> web.Response:
        """``/readyz``: 503 while this process cannot do its work."""
        if self._stopping:
            return _answer([Check("process", good=False, said="stopping")])
        return _answer([self._slack(), *await self._database()])

    def _not_deaf(self) -> Check:
        if self._heard_ago is None:
            return Check("process", good=True, said="alive")
        ago = self._heard_ago()
        silent = time.monotonic() - self._started if ago is None else ago
        if silent > DEAF_SECONDS:
            return Check("slack", good=False, said=f"alive but deaf: nothing heard for {silent:.0f} s")
        return Check("process", good=True, said="alive")

    def _slack(self) -> Check:
        if self._heard_ago is None:
            return Check("slack", good=True, said="Slack calls us over HTTP")
        ago = self._heard_ago()
        if ago is None:
            return Check("slack", good=False, said="not connected yet")
        return Check("slack", good=ago <= PONG_SECONDS, said=f"heard {ago:.0f} s ago")

    async def _database(self) -> list[Check]:
        now = time.monotonic()
        if self._known is None or now - self._known[0] > REMEMBER_SECONDS:
            self._known = now, await self._ask_database()
        return self._known[1]

    async def _ask_database(self) -> list[Check]:
        try:
            async with self._store.write() as tx:
                await tx.replicas.beat(self._replica)
                oldest = await tx.outbox.oldest_unsettled()
        except TemporaryError as error:
            return [Check("database", good=False, said=str(error))]
        age = 0.0 if oldest is None else (self._clock.now() - oldest).total_seconds()
        said = "nothing waits" if oldest is None else f"the oldest message waits for {age:.0f} s"
        return [Check("database", good=True, said="written to"), Check("outbox", good=age <= OLD_SECONDS, said=said)]


def _answer(checks: list[Check]) -> web.Response:
    good = all(check.good for check in checks)
    body = {"ok": good, "checks": {check.name: {"ok": check.good, "said": check.said} for check in checks}}
    return web.json_response(body, status=200 if good else 503)
