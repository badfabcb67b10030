"""Credentials that expire: kept while they are good, renewed once for everybody who waits."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from domain.clock import Clock
from domain.errors import TemporaryError


@dataclass(frozen=True, slots=True)
class ExpiringToken:
    """What the ``Authorization`` header says (empty: nothing), from when it should be renewed, and until when it is good."""

    header: str
    renew_at: datetime | None = None
    expires_at: datetime | None = None


class Credentials:
    """The current header. ``issue`` makes a new one; it runs once however many requests wait for it."""

    def __init__(self, issue_token: Callable[[], Awaitable[ExpiringToken]], clock: Clock) -> None:
        self._issue_token = issue_token
        self._clock = clock
        self._current: ExpiringToken | None = None
        self._renewal_lock = asyncio.Lock()

    async def header(self) -> str:
        """A header that is good now."""
        if self._current is None or self._needs_renewal(self._current):
            async with self._renewal_lock:
                if self._current is None or self._needs_renewal(self._current):
                    self._current = await self._renew(self._current)
        return self._current.header

    async def replace_refused(self, refused_header: str) -> str:
        """A header in the place of one that the server refused; the same again where there is no other."""
        async with self._renewal_lock:
            if self._current is None or self._current.header == refused_header:
                self._current = await self._issue_token()
        return self._current.header

    def _needs_renewal(self, token: ExpiringToken) -> bool:
        return token.renew_at is not None and self._clock.now() >= token.renew_at

    async def _renew(self, current: ExpiringToken | None) -> ExpiringToken:
        try:
            return await self._issue_token()
        except TemporaryError:
            # Renewal starts minutes before the old token ends, so that a short outage of the issuer is not ours.
            if current is None or current.expires_at is None or self._clock.now() >= current.expires_at:
                raise
            return current
