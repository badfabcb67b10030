"""Cache of expiring credentials, renewed once for all requests that wait."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from domain.clock import Clock
from domain.errors import TemporaryError

if TYPE_CHECKING:
    from kubernetes_asyncio.client import Configuration


@dataclass(frozen=True, slots=True)
class Connection:
    """How to connect, where a login brings it along: address, certificates, proxy. Equal digests stand for equal contents."""

    configuration: "Configuration"
    digest: str


@dataclass(frozen=True, slots=True)
class ExpiringToken:
    """The value of the ``Authorization`` header (empty: no header), when to renew it, and when it expires.

    With ``connection``, a client certificate may stand for the token, or beside it; ``expires_at`` is the earlier end.
    ``is_renewed`` tells a credential that somebody renews from one that a person has to replace.
    """

    header: str
    renew_at: datetime | None = None
    expires_at: datetime | None = None
    connection: Connection | None = None
    is_renewed: bool = True


class Credentials:
    """Caches the current token. ``issue_token`` makes a new one; it runs once however many requests wait for it."""

    def __init__(self, issue_token: Callable[[], Awaitable[ExpiringToken]], clock: Clock) -> None:
        self._issue_token = issue_token
        self._clock = clock
        self._current: ExpiringToken | None = None
        self._renewal_lock = asyncio.Lock()

    async def current(self) -> ExpiringToken:
        """A valid token; renews it when due."""
        if self._current is None or self._needs_renewal(self._current):
            async with self._renewal_lock:
                # Checked again under the lock: another request may have renewed it in the meantime.
                if self._current is None or self._needs_renewal(self._current):
                    self._current = await self._renew(self._current)
        return self._current

    async def replace_refused(self, refused: ExpiringToken) -> ExpiringToken:
        """A new token instead of one that the server refused, unless another request has already replaced it."""
        async with self._renewal_lock:
            if self._current is None or self._current is refused:
                self._current = await self._issue_token()
        return self._current

    def _needs_renewal(self, token: ExpiringToken) -> bool:
        return token.renew_at is not None and self._clock.now() >= token.renew_at

    async def _renew(self, current: ExpiringToken | None) -> ExpiringToken:
        try:
            return await self._issue_token()
        except TemporaryError:
            # Renewal starts before the token expires: while the issuer is away or a file is being rewritten it is still valid.
            if current is None or (current.expires_at is not None and self._clock.now() >= current.expires_at):
                raise
            return current


def end_of_token(header: str) -> datetime | None:
    """The ``exp`` of a JSON web token; None for any other."""
    parts = header.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
