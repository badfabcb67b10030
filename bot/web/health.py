"""Liveness and readiness probes. Each check has a result and a sentence that explains it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from bot.core.check_result import CheckResult
from domain.clock import Clock
from domain.errors import TemporaryError
from storage.store import Store

LIVENESS_TIMEOUT_SECONDS = 180.0
"""A process that received nothing from Slack for this long should be restarted."""
MAX_PONG_AGE_SECONDS = 30.0
"""Slack is pinged every 5 s."""
MAX_OUTBOX_AGE_SECONDS = 120.0
"""A message that waits longer in the outbox is stuck, not rate-limited: newer versions of a card replace older ones."""
CACHE_SECONDS = 1.0
"""How long database checks are cached: probes are frequent, and each check is a synced write."""


@dataclass(frozen=True, slots=True)
class SlackEntrance:
    """How Slack reaches this process. ``is_open``: the socket is connected, or the HTTP paths are served.

    ``seconds_since_heard`` is None where Slack calls us over HTTP; its result is None before the first connection.
    """

    is_open: Callable[[], bool]
    seconds_since_heard: Callable[[], float | None] | None


class Health:
    """Answers the probes."""

    def __init__(
        self, store: Store, clock: Clock, replica: str, slack: SlackEntrance, check_sweep: Callable[[], CheckResult] | None = None
    ) -> None:
        self._store, self._clock, self._replica, self._slack = store, clock, replica, slack
        self._check_sweep = check_sweep
        self._started, self._checking = time.monotonic(), asyncio.Lock()
        self._stopping = False
        self._cached_checks: tuple[float, list[CheckResult]] | None = None

    def stop(self) -> None:
        """Report the process as not ready from now on."""
        self._stopping = True

    async def live(self, _request: web.Request) -> web.Response:
        """``/healthz``: 503 only where a new process would help."""
        return _response([self._slack_liveness()])

    async def ready(self, _request: web.Request) -> web.Response:
        """``/readyz``: 503 while this process cannot do its work."""
        if self._stopping:
            return _response([CheckResult("process", ok=False, detail="stopping")])
        sweep = [self._check_sweep()] if self._check_sweep else []
        return _response([self._slack_readiness(), *await self._database_checks(), *sweep])

    def _slack_liveness(self) -> CheckResult:
        if self._slack.seconds_since_heard is None:
            return CheckResult("process", ok=True, detail="alive")
        ago = self._slack.seconds_since_heard()
        silent_for = time.monotonic() - self._started if ago is None else ago
        if silent_for > LIVENESS_TIMEOUT_SECONDS:
            return CheckResult("slack", ok=False, detail=f"nothing received from Slack for {silent_for:.0f} s")
        return CheckResult("process", ok=True, detail="alive")

    def _slack_readiness(self) -> CheckResult:
        is_open = self._slack.is_open()
        if self._slack.seconds_since_heard is None:
            detail = "Slack calls us over HTTP" if is_open else "Slack's paths are not served yet"
            return CheckResult("slack", ok=is_open, detail=detail)
        ago = self._slack.seconds_since_heard()
        if ago is None:
            return CheckResult("slack", ok=False, detail="not connected yet")
        if not is_open:
            return CheckResult("slack", ok=False, detail=f"the socket is lost, another is being opened; heard {ago:.0f} s ago")
        return CheckResult("slack", ok=ago <= MAX_PONG_AGE_SECONDS, detail=f"heard {ago:.0f} s ago")

    async def _database_checks(self) -> list[CheckResult]:
        # One at a time: who asks meanwhile takes the result.
        async with self._checking:
            now = time.monotonic()
            if self._cached_checks is None or now - self._cached_checks[0] > CACHE_SECONDS:
                self._cached_checks = now, await self._check_database()
            return self._cached_checks[1]

    async def _check_database(self) -> list[CheckResult]:
        try:
            async with self._store.write() as tx:
                await tx.replicas.heartbeat(self._replica)
                oldest = await tx.outbox.oldest_unsettled()
        except TemporaryError as error:
            return [CheckResult("database", ok=False, detail=str(error))]
        age = 0.0 if oldest is None else (self._clock.now() - oldest).total_seconds()
        detail = "nothing waits" if oldest is None else f"the oldest message waits for {age:.0f} s"
        return [
            CheckResult("database", ok=True, detail="written to"),
            CheckResult("outbox", ok=age <= MAX_OUTBOX_AGE_SECONDS, detail=detail),
        ]


def _response(checks: list[CheckResult]) -> web.Response:
    ok = all(check.ok for check in checks)
    body = {"ok": ok, "checks": {check.name: {"ok": check.ok, "detail": check.detail} for check in checks}}
    return web.json_response(body, status=200 if ok else 503)
