"""The lease of a replica: its right to act, renewed by a heartbeat in the database.

A replica that could not renew it in time ends itself, before the others declare it dead and take over its operations.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn, Protocol

import structlog

from domain.clock import boottime_seconds
from domain.errors import TemporaryError
from runbooks.periodic import run_periodically
from storage.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimings:
    """Interval of the heartbeat, when a replica without one ends itself, and when others declare it dead.

    ``dead_after`` is well above ``lost_after``, so that the old owner has ended before another replica takes over.
    """

    heartbeat_interval: timedelta = timedelta(seconds=5)
    lost_after: timedelta = timedelta(seconds=15)
    dead_after: timedelta = timedelta(seconds=30)

    def faster(self, factor: float) -> "LeaseTimings":
        """The same proportions in less time, for tests."""
        return LeaseTimings(
            heartbeat_interval=self.heartbeat_interval / factor,
            lost_after=self.lost_after / factor,
            dead_after=self.dead_after / factor,
        )


LEASE_LOST_EXIT_CODE = 70
"""The exit code of a process that lost its lease: EX_SOFTWARE of sysexits.h."""


def exit_at_once(reason: str) -> NoReturn:
    """End the process without clean-up, which could write to operations that belong to another replica now."""
    log.critical("lease lost, exiting", reason=reason)
    os._exit(LEASE_LOST_EXIT_CODE)


class Lease(Protocol):
    """A lease, as the other modules see it."""

    replica: str

    def check(self) -> None:
        """Return if the replica may act; otherwise end the process."""
        ...

    def terminate(self, reason: str) -> NoReturn:
        """End the process, because another replica acts in its place."""
        ...

    def dead_after(self) -> timedelta | None:
        """How long after its last heartbeat another replica counts as dead; None if there can be no other replica."""
        ...

    async def run(self) -> None:
        """Send heartbeats until the process ends."""
        ...

    async def release(self) -> None:
        """Give up the lease at an orderly stop, so that others need not wait for ``dead_after``."""
        ...


class SingleReplicaLease:
    """The lease of the only process on a database: SQLite, whose file is locked."""

    def __init__(self, replica: str) -> None:
        self.replica = replica

    def check(self) -> None:
        """Always return: no other replica can have taken over."""

    def terminate(self, reason: str) -> NoReturn:
        exit_at_once(reason)

    def dead_after(self) -> timedelta | None:
        return None

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Do nothing: there is no other replica."""


class SharedLease:
    """The lease of one of several replicas that share a database."""

    def __init__(
        self, store: Store, replica: str, timings: LeaseTimings, *, terminate: Callable[[str], NoReturn] = exit_at_once
    ) -> None:
        self.replica = replica
        self._store, self._timings, self._terminate = store, timings, terminate
        self._last_heartbeat = boottime_seconds()

    def check(self) -> None:
        seconds_since_heartbeat = boottime_seconds() - self._last_heartbeat
        if seconds_since_heartbeat > self._timings.lost_after.total_seconds():
            self._terminate(f"no heartbeat for {seconds_since_heartbeat:.0f} s")

    def terminate(self, reason: str) -> NoReturn:
        self._terminate(reason)

    def dead_after(self) -> timedelta | None:
        return self._timings.dead_after

    async def run(self) -> None:
        await run_periodically("heartbeat", self._timings.heartbeat_interval, self._beat)

    async def _beat(self) -> None:
        # Before the heartbeat, not only after: a process that slept past its lease must not renew it.
        self.check()
        started = boottime_seconds()
        try:
            async with self._store.write() as tx:
                await tx.replicas.heartbeat(self.replica)
        except TemporaryError:
            # The database may come back in time. Otherwise one of the next checks ends the process.
            self.check()
            raise
        self._last_heartbeat = started
        self.check()

    async def release(self) -> None:
        async with self._store.write() as tx:
            await tx.replicas.remove(self.replica)
