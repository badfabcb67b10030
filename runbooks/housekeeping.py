"""Housekeeping: deletes old inbox and outbox messages, alert groups, storms and dead replicas. The audit log stays."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.clock import Clock
from runbooks.periodic import run_periodically
from storage.store import Store, Transaction

RETENTION = timedelta(days=30)
"""How long rows are kept. Failed messages stay until a person has handled them."""
HOUSEKEEPING_INTERVAL = timedelta(hours=1)


Prune = Callable[[Transaction, datetime], Awaitable[object]]
"""Deletes a family's rows that ended before a time."""


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Cleans up the database once an hour."""

    store: Store
    clock: Clock
    prunes: Sequence[Prune] = ()
    """What the families delete, besides the inbox, the outbox and replicas long gone."""

    async def run(self) -> None:
        """Clean up every ``HOUSEKEEPING_INTERVAL``, until the process ends."""
        await run_periodically("housekeeping", HOUSEKEEPING_INTERVAL, self.run_once)

    async def run_once(self) -> None:
        """Delete rows older than ``RETENTION``."""
        before = self.clock.now() - RETENTION
        async with self.store.write() as tx:
            await tx.outbox.prune(before)
            await tx.inbox.prune(before)
            await tx.replicas.prune(before)
            for prune in self.prunes:
                await prune(tx, before)
