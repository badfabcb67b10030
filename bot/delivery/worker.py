"""The outbox worker: takes rows whose turn it is, brings them to Slack, and writes down how it went.

Several rows are under way at once, one of a stream. A row ends as delivered, superseded or failed; until then it is tried again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from prometheus_client import CollectorRegistry

from bot.delivery.metrics import OutboxMetrics
from bot.delivery.retries import FailureHandler, OutcomeNotRecorded, RetryPolicy
from bot.delivery.sender import Attachment, Sender
from bot.slack.api import SlackApi
from bot.views.markup.message import Message
from domain.clock import Clock
from domain.errors import DeepechoError, PermanentError, UnknownOutcome
from domain.metrics.charts import Chart
from domain.redaction import redact
from runbooks.periodic import RepeatedWork, wait_until_set
from storage.outbox import FILE_NOT_UPLOADED, OutboxRow, RateLimits
from storage.outbox_messages import load
from storage.store import Store, Transaction

SEND_CONCURRENCY = 4
"""Rows under way at the same time; each is of another stream."""
DRAWING_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError, OSError, MemoryError)
"""What drawing can raise that no test foresaw. The same numbers would raise it again: it is not tried a second time."""

Result = TypeVar("Result")
SendStage = Callable[[OutboxRow], Awaitable[OutboxRow]]
DeliveredHook = Callable[[Transaction, OutboxRow, datetime], Awaitable[None]]

log = structlog.get_logger(__name__)


class OutboxWorker:
    """Everything that leaves through the outbox.

    ``render`` makes a message of a fact. ``alive`` is asked before each call that others can see, and may end the process.
    ``fallback`` names the channel for a row whose own cannot be used (empty: none). ``on_delivered`` runs in the transaction that
    records that a message is there, once for each row. ``draw`` makes a PNG of a chart. What a replica had under way that has
    not beaten for ``dead_after`` is looked for.
    Errors nobody foresaw count as failed attempts of their row.
    """

    def __init__(
        self,
        store: Store,
        slack: SlackApi,
        render: Callable[[Any], Message],
        *,
        clock: Clock,
        replica: str,
        rate_limits: RateLimits,
        check_lease: Callable[[], None],
        fallback: Callable[[OutboxRow], str],
        on_delivered: DeliveredHook,
        draw: Callable[[Chart], Awaitable[bytes]],
        rng: random.Random,
        dead_after: timedelta = timedelta(seconds=30),
        retry_policy: RetryPolicy | None = None,
        metrics: OutboxMetrics | None = None,
    ) -> None:
        self._store, self._render, self._clock = store, render, clock
        self._replica, self._rate_limits, self._on_delivered, self._draw = replica, rate_limits, on_delivered, draw
        self._retry_policy, self._dead_after = retry_policy or RetryPolicy(), dead_after
        self._metrics = metrics or OutboxMetrics(CollectorRegistry())
        self._sender = Sender(slack, check_lease)
        self._failure_handler = FailureHandler(store, clock, self._retry_policy, rng, fallback, self._metrics)
        self._in_progress: set[int] = set()
        self._woken = asyncio.Event()
        self._stopping = False
        self._dead_released_at: datetime | None = None
        self._round = RepeatedWork("delivery of messages")

    @property
    def blocking_error(self) -> str:
        """What keeps messages from going out at all, in a sentence; empty where nothing does."""
        return "The database does not answer." if self._round.is_failing else self._failure_handler.account_error

    def wake(self) -> None:
        """Something was put into the outbox, or the budget of it changed: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until ``drain``. Cancelling leaves what is under way with an unknown outcome, which the next start looks up."""
        async with asyncio.TaskGroup() as rows:
            # Not ``run_periodically``: this loop ends, so that what is under way can be finished.
            while not self._stopping:
                self._woken.clear()
                pause = await self._round.attempt(lambda: self._run_once(rows))
                await wait_until_set(self._woken, self._retry_policy.idle_interval if pause is None else pause)

    async def drain(self, within: float) -> bool:
        """Take no more rows, and finish what is under way. False where something is left after ``within`` seconds."""
        self._stopping = True
        self.wake()
        try:
            async with asyncio.timeout(within):
                while self._in_progress:
                    self._woken.clear()
                    await self._woken.wait()
        except TimeoutError:
            return False
        return True

    async def _run_once(self, rows: asyncio.TaskGroup) -> float:
        """Begin whatever may go out now. For how many seconds to rest then, unless woken."""
        await self._release_dead_replicas()
        has_more = await self._start(rows)
        return self._retry_policy.poll_interval if has_more else self._retry_policy.idle_interval

    async def _release_dead_replicas(self) -> None:
        """What dead replicas had under way has an unknown outcome. One process alone: everything from before it started."""
        now, first = self._clock.now(), self._dead_released_at is None
        if self._dead_released_at is not None and now - self._dead_released_at < self._dead_after / 3:
            return
        if first or not self._store.engines.is_sqlite:
            async with self._store.write() as tx:
                await tx.outbox.release_dead_claims(await self._live_replicas(tx, first=first))
        self._dead_released_at = now

    async def _live_replicas(self, tx: Transaction, *, first: bool) -> frozenset[str]:
        if self._store.engines.is_sqlite:
            return frozenset()
        live = await tx.replicas.live(self._dead_after)
        return live - {self._replica} if first else live | {self._replica}

    async def _start(self, rows: asyncio.TaskGroup) -> bool:
        """Begin rows while there are some and hands are free. Whether more is waiting."""
        while len(self._in_progress) < SEND_CONCURRENCY and not self._stopping:
            now = self._clock.now()
            async with self._store.read() as tx:
                due = await tx.outbox.next_due()
            if due is None or due > now:
                return due is not None
            async with self._store.write() as tx:
                row = await tx.outbox.claim(self._replica, now, self._rate_limits)
            if row is None:
                return True
            self._in_progress.add(row.id)
            rows.create_task(self._deliver(row), name=f"outbox-{row.id}")
        return True

    async def _deliver(self, row: OutboxRow) -> None:
        try:
            row = row if row.file_id else await self._attempt(row, self._send_message)
            if row.file_id:
                await self._attempt(row, self._send_file)
        except OutcomeNotRecorded as error:
            log.warning("outbox.outcome_not_recorded", row=row.id, key=row.key, error=str(error))
        finally:
            self._in_progress.discard(row.id)
            self.wake()

    async def _attempt(self, row: OutboxRow, stage: SendStage) -> OutboxRow:
        """The row after a stage; as it was where the stage failed and that was followed up."""
        try:
            return await stage(row)
        except OutcomeNotRecorded:
            raise
        except DeepechoError as error:
            await self._failure_handler.handle(row, error)
        except Exception as error:
            # The edge of one row: a message that cannot be shown must not silence all others. It is tried again, then fails.
            log.exception("outbox.unexpected", row=row.id, key=row.key, attempt=row.attempts)
            await self._failure_handler.handle_unexpected(row, error)
        return row

    def _message(self, row: OutboxRow) -> Message:
        return self._render(load(row.kind, row.version, row.fact))

    async def _send_message(self, row: OutboxRow) -> OutboxRow:
        message = self._message(row)
        channel, ts = await self._with_timeout(self._sender.send(row, message))
        self._failure_handler.note_success()
        has_file = (bool(message.overflow) or message.chart is not None) and not row.ts

        async def record_outcome(tx: Transaction, at: datetime) -> None:
            settle = tx.outbox.mark_message_sent if has_file else tx.outbox.mark_delivered
            if await settle(row, channel, ts, at):
                await self._on_delivered(tx, row, at)

        await self._failure_handler.record(record_outcome)
        if has_file:
            return replace(row, channel=channel, ts=ts, file_id=FILE_NOT_UPLOADED)
        self._metrics.settled("delivered")
        return row

    async def _send_file(self, row: OutboxRow) -> OutboxRow:
        message = self._message(row)

        async def on_upload_begun(file_id: str) -> None:
            is_claimed = False

            async def record_file_id(tx: Transaction, at: datetime) -> None:
                nonlocal is_claimed
                is_claimed = await tx.outbox.mark_file_started(row, file_id, at)

            await self._failure_handler.record(record_file_id)
            if not is_claimed:
                raise OutcomeNotRecorded("another replica has taken the row over, and its file with it")

        await self._with_timeout(self._sender.send_file(row, await self._attachment(message), on_upload_begun))
        await self._failure_handler.record(lambda tx, at: tx.outbox.mark_delivered(row, row.channel, row.ts, at))
        self._metrics.settled("delivered")
        return row

    async def _attachment(self, message: Message) -> Attachment:
        if message.chart is not None:
            return Attachment(redact(message.chart.title), "png", await self._draw_chart(message.chart))
        return Attachment(message.text, "txt", (message.overflow or message.text).encode())

    async def _draw_chart(self, chart: Chart) -> bytes:
        """The picture. Where there can be none, its thread goes on without: its words are there."""
        try:
            async with asyncio.timeout(self._retry_policy.drawing_timeout):
                return await self._draw(chart)
        except TimeoutError as error:
            raise PermanentError("The chart took too long to draw; what it shows stands in words.") from error
        except DRAWING_ERRORS as error:
            log.exception("outbox.drawing_failed", title=chart.title)
            sentence = f"The chart could not be drawn ({type(error).__name__}); what it shows stands in words."
            raise PermanentError(sentence) from error

    async def _with_timeout(self, sending: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(self._retry_policy.attempt_timeout):
                return await sending
        except TimeoutError as error:
            raise UnknownOutcome("Slack took too long.") from error
