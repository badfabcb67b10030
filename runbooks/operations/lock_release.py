"""Wakes operations that wait for a lock, so that many of them need not ask the database again and again."""

import asyncio

from runbooks.periodic import wait_until_set


class LockRelease:
    """Says within this process that a lock was released, or that somebody asked to stop. Other replicas are not heard."""

    def __init__(self) -> None:
        self._released = asyncio.Event()
        self.turn = asyncio.Lock()
        """Held while one of those who wait tries: when a lock is released, one of them writes, and the others only read."""

    def notify(self) -> None:
        """Wake everybody who waits."""
        self._released.set()
        self._released = asyncio.Event()

    @property
    def next(self) -> asyncio.Event:
        """Set at the next notification. Get it before looking at the lock, so that no release is missed in between."""
        return self._released

    async def wait(self, released: asyncio.Event, timeout_seconds: float) -> None:
        """Wait for that notification, or until the timeout has passed."""
        await wait_until_set(released, timeout_seconds)
