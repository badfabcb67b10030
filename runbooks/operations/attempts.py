"""Attempts of one step at the cluster, of which the card says why they are made again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from domain.clock import Seconds, Stopwatch
from domain.errors import Forbidden, TemporaryError


class VisibleAttempts:
    """While attempts fail, ``show`` puts the reason on the card; a read that is refused is tried again for some seconds.

    ``patience``: for how long; None for a change, which is never tried again after a refusal.
    """

    def __init__(self, show: Callable[[str], Awaitable[None]], patience: timedelta | None, seconds: Seconds) -> None:
        self._show_detail, self._patience, self._seconds = show, patience, seconds
        self._refused_since: Stopwatch | None = None
        self._has_failed = False

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """One attempt. Raises ``TemporaryError`` where it is worth another one."""
        try:
            yield
        except TemporaryError as error:
            await self._show(f"trying again: {error}")
            raise
        except Forbidden as error:
            if self._patience is None or self._has_lasted(self._patience):
                raise
            await self._show(f"trying again: {error}")
            raise TemporaryError(error.sentence) from error
        if self._has_failed:
            await self._show("")

    def _has_lasted(self, patience: timedelta) -> bool:
        self._refused_since = self._refused_since or Stopwatch(self._seconds)
        return self._refused_since.elapsed >= patience

    async def _show(self, detail: str) -> None:
        self._has_failed = bool(detail)
        await self._show_detail(detail)
