"""The paging worker: moves pages on and sends their messages. It waits for nothing of Slack's, nor for any card.

Each round first makes the calls that are due, then claims what is to be sent. Everything is a row, so that a restart goes on
where the process died: late rather than never, and in order.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock, has_passed
from domain.errors import UnknownOutcome
from domain.paging.buckets import PERSON_LIMITS, SERVICE_LIMITS, Limit
from domain.paging.messages import ClaimedMessage
from runbooks.paging.processing import PageProcessor
from runbooks.paging.sending import PageSender
from runbooks.periodic import RepeatedWork, wait_until_set
from storage.page_claims import Claimer, PageClaims
from storage.page_messages import PageMessageRepository
from storage.pages import PageRepository
from storage.store import Store, Transaction

POLL_SECONDS = 0.5
"""How soon a page is seen that another transaction asked for."""
OFF_SECONDS = 5.0
"""How often it is looked whether the catalogue has a section ``paging`` by now."""
MAX_LOCKED_PAGES = 5
"""Pages that a round passes over because others have locked them."""
CLAIMS_PER_ROUND = 4
SEND_CONCURRENCY = 32
CONCURRENCY_PER_WAY = 8
"""A way that hangs must not keep the others waiting."""
SLACK_PATIENCE = timedelta(seconds=15)
"""A direct message that Slack has not taken by then is late, and the next way is used."""
SLACK = "slack"
"""The way that goes through the outbox, which delivers once and edits later."""

DEFAULT_LIMITS: Mapping[str, Sequence[Limit]] = {
    "sms": PERSON_LIMITS,
    "email": PERSON_LIMITS,
    "slack": PERSON_LIMITS,
    "pagerduty": PERSON_LIMITS,
    "webhook": SERVICE_LIMITS,
}
"""PagerDuty's limit is that of people: behind each of its events a telephone rings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """Times of the worker."""

    poll_seconds: float = POLL_SECONDS
    slack_patience: timedelta = SLACK_PATIENCE
    dead_after: timedelta = timedelta(seconds=30)


class PageWorker:
    """Runs until it is cancelled. Messages that are being sent then are of unknown outcome at the next start."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        catalogue: Callable[[], Catalogue],
        processor: PageProcessor,
        sender: PageSender,
        *,
        replica: str,
        check_lease: Callable[[], None],
        notify_outbox: Callable[[], None],
        options: WorkerOptions | None = None,
    ) -> None:
        self._store, self._clock, self._catalogue = store, clock, catalogue
        self._processor, self._sender, self._replica = processor, sender, replica
        self._check_lease, self._notify_outbox = check_lease, notify_outbox
        self._options = options or WorkerOptions()
        self._in_progress: dict[str, str] = {}
        self._woken = asyncio.Event()
        self._released_at: datetime | None = None
        self._work = RepeatedWork("paging")

    def wake(self) -> None:
        """Look for pages at once."""
        self._woken.set()

    async def run(self) -> NoReturn:
        """Work for as long as the process lives. Where the catalogue has no section ``paging``, only wait for one."""
        async with asyncio.TaskGroup() as sends:
            while True:
                # Cleared before the queries, not after them: a page that is asked for meanwhile must end the wait.
                self._woken.clear()
                pause = await self._work.attempt(lambda: self.run_once(sends))
                await wait_until_set(self._woken, self._options.poll_seconds if pause is None else pause)

    async def run_once(self, sends: asyncio.TaskGroup) -> float:
        """Move on what is due and start what is to be sent. Return the seconds to wait, unless woken."""
        if self._catalogue().paging is None:
            return OFF_SECONDS
        await self._release_abandoned()
        await self._check_outbox()
        # One page and a few messages at a time: what is more severe and comes meanwhile has the next turn.
        has_moved = await self._process_next()
        has_sent = await self._start_sending(sends)
        return 0.0 if has_moved or has_sent else self._options.poll_seconds

    async def _process_next(self) -> bool:
        """Work on the most severe page that is due and not locked by others. Return whether there was one."""
        async with self._store.read() as tx:
            due = await tx.of(PageRepository).due(self._clock.now(), limit=MAX_LOCKED_PAGES)
        for page_id in due:
            self._check_lease()
            self._sender.observe(page_id, "page process", "before")
            has_moved = await self._processor.process(page_id)
            self._sender.observe(page_id, "page process", "recorded")
            if has_moved:
                return True
        return False

    async def _start_sending(self, sends: asyncio.TaskGroup) -> bool:
        """Claim and start a few messages. Return whether there may be more."""
        for _ in range(min(CLAIMS_PER_ROUND, SEND_CONCURRENCY - len(self._in_progress))):
            now = self._clock.now()
            async with self._store.read() as tx:
                due = await tx.of(PageClaims).next_due(now)
            if due is None or due > now:
                return False
            self._check_lease()
            claimed = await self._claim(now)
            if claimed is None:
                return False
            if claimed.message.way == SLACK:
                self._notify_outbox()
                continue
            self._in_progress[claimed.message.key] = claimed.message.way
            sends.create_task(self._send(claimed), name=f"page-{claimed.message.key}")
        return len(self._in_progress) < SEND_CONCURRENCY

    async def _claim(self, now: datetime) -> ClaimedMessage | None:
        """Claim the next message. What goes by Slack is handed over to the outbox in the same transaction."""
        per_way = Counter(self._in_progress.values())
        busy = tuple(way for way, number in per_way.items() if number >= CONCURRENCY_PER_WAY)
        async with self._store.write() as tx:
            claimed = await tx.of(PageClaims).claim(Claimer(self._replica, self._limits(), busy), now)
            if claimed is not None and claimed.message.way == SLACK:
                await tx.of(PageMessageRepository).queue(claimed, now + self._options.slack_patience, now)
        return claimed

    async def _send(self, claimed: ClaimedMessage) -> None:
        try:
            await self._sender.send(claimed)
        finally:
            del self._in_progress[claimed.message.key]
            self.wake()

    async def _check_outbox(self) -> None:
        """Note the direct messages that Slack has not taken in time, so that the next way is used."""
        now = self._clock.now()
        async with self._store.read() as tx:
            late = await tx.of(PageMessageRepository).queued_until(now)
        for key, card in late:
            async with self._store.write() as tx:
                await tx.of(PageMessageRepository).note_queued(key, card, now)

    async def _release_abandoned(self) -> None:
        """What dead replicas were sending has an unknown outcome. With SQLite: whatever was being sent before this start."""
        now, is_first = self._clock.now(), self._released_at is None
        if self._released_at is not None and not has_passed(self._options.dead_after / 3, self._released_at, now):
            return
        async with self._store.read() as tx:
            abandoned = await tx.of(PageClaims).abandoned(await self._live_replicas(tx, is_first=is_first), now)
        for claimed in abandoned:
            if claimed.message.key not in self._in_progress:
                await self._sender.handle(claimed, UnknownOutcome("the process that was sending it died."))
        self._released_at = now

    async def _live_replicas(self, tx: Transaction, *, is_first: bool) -> frozenset[str]:
        if self._store.engines.is_sqlite:
            return frozenset() if is_first else frozenset({self._replica})
        return await tx.replicas.live(self._options.dead_after) | {self._replica}

    def _limits(self) -> Mapping[str, Sequence[Limit]]:
        paging = self._catalogue().paging
        configured = {
            way: tuple(Limit(each.messages, timedelta(minutes=each.minutes)) for each in limits)
            for way, limits in (paging.limits.items() if paging else ())
        }
        return {**DEFAULT_LIMITS, **configured}
