"""Housekeeping: deletes old inbox and outbox messages, alert groups, storms and dead replicas. The audit log stays."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from domain.clock import Clock
from domain.errors import TemporaryError
from storage.store import Store

log = structlog.get_logger()

RETENTION = timedelta(days=30)
"""How long rows are kept. Failed messages stay until a person has handled them."""
HOUSEKEEPING_INTERVAL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Cleans up the database once an hour."""

    store: Store
    clock: Clock

    async def run(self) -> None:
        """Tidy for as long as the process lives."""
        while True:
            try:
                await self.run_once()
            except TemporaryError as error:
                # It is only later; the next hour finds the same rows.
                log.warning("housekeeping failed, retrying in an hour", error=str(error))
            await asyncio.sleep(HOUSEKEEPING_INTERVAL.total_seconds())

    async def run_once(self) -> None:
        """Delete rows older than ``RETENTION``."""
        before = self.clock.now() - RETENTION
        async with self.store.write() as tx:
            await tx.outbox.prune(before)
            await tx.inbox.prune(before)
            await tx.alerts.prune(before)
            await tx.storms.prune(before)
            await tx.replicas.prune(before)
