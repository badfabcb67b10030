"""Credentials that expire: kept while they are good, renewed once for everybody who waits."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from domain.clock import Clock
from domain.errors import TemporaryError


@dataclass(frozen=True, slots=True)
class Issued:
    """What the ``Authorization`` header says (empty: nothing), from when it should be renewed, and until when it is good."""

    header: str
    renew_at: datetime | None = None
    expires_at: datetime | None = None


class Credentials:
    """The current header. ``issue`` makes a new one; it runs once however many requests wait for it."""

    def __init__(self, issue: Callable[[], Awaitable[Issued]], clock: Clock) -> None:
        self._issue = issue
        self._clock = clock
        self._current: Issued | None = None
        self._renewing = asyncio.Lock()

    async def header(self) -> str:
        """A header that is good now."""
        if self._current is None or self._due(self._current):
            async with self._renewing:
                if self._current is None or self._due(self._current):
                    self._current = await self._renewed(self._current)
        return self._current.header

    async def instead_of(self, refused: str) -> str:
        """A header in the place of one that the server refused; the same again where there is no other."""
        async with self._renewing:
            if self._current is None or self._current.header == refused:
                self._current = await self._issue()
        return self._current.header

    def _due(self, issued: Issued) -> bool:
        return issued.renew_at is not None and self._clock.now() >= issued.renew_at

    async def _renewed(self, old: Issued | None) -> Issued:
        try:
            return await self._issue()
        except TemporaryError:
            # Renewal starts minutes before the old token ends, so that a short outage of the issuer is not ours.
            if old is None or old.expires_at is None or self._clock.now() >= old.expires_at:
                raise
            return old
