"""Housekeeping: deletes what ended long ago, and gives the space back. The audit log stays."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.clock import Clock
from runbooks.periodic import run_periodically
from storage.outbox_pruning import MessageAddress, OutboxPruning
from storage.store import Store, Transaction

HOUSEKEEPING_INTERVAL = timedelta(hours=1)
MIN_PAUSE_SECONDS = 0.02
"""Between two batches. A pause is at least twice as long as the batch before it: others have the database most of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """For how long things are kept after their end."""

    messages: timedelta = timedelta(days=30)
    """Commands, clicks and notifications that were answered; messages that were sent or have failed."""
    cards: timedelta = timedelta(days=365)
    """Where cards are in Slack whose subject is deleted. For as long no new subject gets its id."""
    alerts: timedelta = timedelta(days=30)
    incidents: timedelta = timedelta(days=365)
    operations: timedelta = timedelta(days=365)
    workflows: timedelta = timedelta(days=7)
    """From their start. An operation that has ended needs its recorded steps no more."""
    images: timedelta = timedelta(days=365)
    """What images ran as when they were verified last; the newest of each repository stay longer."""


@dataclass(frozen=True, slots=True)
class Prune:
    """What a family deletes. ``delete`` takes a batch of what ended before a time, and returns the number of rows; 0: no more."""

    period: Callable[[Retention], timedelta]
    delete: Callable[[Transaction, datetime], Awaitable[int]]


FindStored = Callable[[Transaction, Collection[str]], Awaitable[frozenset[str]]]
"""Those of some ids that are subjects of a family."""
ReleaseSpace = Callable[[], Awaitable[int]]
"""Gives back a little space of deleted rows; returns 0 if there is nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """Housekeeping of what is not in the bot's own tables: ``delete`` what ended before a time, then ``release_space``."""

    period: Callable[[Retention], timedelta]
    delete: Callable[[datetime], Awaitable[int]]
    release_space: ReleaseSpace


_OWN_PRUNES = (
    Prune(lambda kept: kept.messages, lambda tx, before: tx.of(OutboxPruning).prune_rows(before)),
    Prune(lambda kept: kept.messages, lambda tx, before: tx.of(OutboxPruning).prune_budgets(before)),
    Prune(lambda kept: kept.messages, lambda tx, before: tx.inbox.prune(before)),
    Prune(lambda kept: kept.messages, lambda tx, before: tx.replicas.prune(before)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """Cleans up once an hour, in batches with pauses. What the families register is deleted first, then where messages are."""

    store: Store
    clock: Clock
    retention: Retention = Retention()
    prunes: Sequence[Prune] = ()
    subjects: Sequence[FindStored] = ()
    cleanings: Sequence[Cleaning] = ()

    async def run(self) -> None:
        """Clean up every ``HOUSEKEEPING_INTERVAL``, until the process ends."""
        await run_periodically("housekeeping", HOUSEKEEPING_INTERVAL, self.run_once)

    async def run_once(self) -> None:
        """Delete what is older than its period, then give back the space."""
        now = self.clock.now()
        for prune in (*self.prunes, *_OWN_PRUNES):
            await self._prune(prune, now - prune.period(self.retention))
        await self._forget_addresses(now)
        await _repeat(self.store.release_space)
        for cleaning in self.cleanings:
            await cleaning.delete(now - cleaning.period(self.retention))
            await _repeat(cleaning.release_space)

    async def _prune(self, prune: Prune, before: datetime) -> None:
        async def delete_batch() -> int:
            async with self.store.write() as tx:
                return await prune.delete(tx, before) if await tx.claim_housekeeping() else 0

        await _repeat(delete_batch)

    async def _forget_addresses(self, now: datetime) -> None:
        """Forget where messages are that nobody edits or replies to any more, a page of them at a time."""
        before, last_key = now - self.retention.messages, ""
        while True:
            async with self.store.read() as tx:
                page = await tx.of(OutboxPruning).addresses(before, after_key=last_key)
                stored = await self._stored(tx, {each.subject for each in page})
            if not page:
                return
            last_key = page[-1].key
            if keys := [each.key for each in page if each.subject not in stored and self._is_old(each, now)]:
                started = time.monotonic()
                async with self.store.write() as tx:
                    await tx.of(OutboxPruning).forget(keys, before)
                await _pause(time.monotonic() - started)

    async def _stored(self, tx: Transaction, ids: Collection[str]) -> frozenset[str]:
        return frozenset().union(*[await find(tx, ids) for find in self.subjects])

    def _is_old(self, address: MessageAddress, now: datetime) -> bool:
        return address.edited_at < now - (self.retention.messages if address.is_reply else self.retention.cards)


async def _repeat(work: Callable[[], Awaitable[int]]) -> None:
    """Do the work until it returns 0, with pauses."""
    while True:
        started = time.monotonic()
        if not await work():
            return
        await _pause(time.monotonic() - started)


async def _pause(worked_seconds: float) -> None:
    await asyncio.sleep(max(MIN_PAUSE_SECONDS, 2 * worked_seconds))
