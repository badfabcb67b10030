"""Cache of expiring credentials, renewed once for all requests that wait."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from domain.clock import Clock
from domain.errors import TemporaryError


@dataclass(frozen=True, slots=True)
class ExpiringToken:
    """The value of the ``Authorization`` header (empty: no header), when to renew it, and when it expires."""

    header: str
    renew_at: datetime | None = None
    expires_at: datetime | None = None


class Credentials:
    """Caches the current header. ``issue_token`` makes a new one; it runs once however many requests wait for it."""

    def __init__(self, issue_token: Callable[[], Awaitable[ExpiringToken]], clock: Clock) -> None:
        self._issue_token = issue_token
        self._clock = clock
        self._current: ExpiringToken | None = None
        self._renewal_lock = asyncio.Lock()

    async def header(self) -> str:
        """A valid header; renews it when due."""
        if self._current is None or self._needs_renewal(self._current):
            async with self._renewal_lock:
                # Checked again under the lock: another request may have renewed it in the meantime.
                if self._current is None or self._needs_renewal(self._current):
                    self._current = await self._renew(self._current)
        return self._current.header

    async def replace_refused(self, refused_header: str) -> str:
        """A new header instead of one that the server refused, unless another request has already replaced it."""
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
            # Renewal starts minutes before the token expires: during a short outage of the issuer it is still valid.
            if current is None or current.expires_at is None or self._clock.now() >= current.expires_at:
                raise
            return current
