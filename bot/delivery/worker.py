"""The outbox worker: claims rows that are due, sends them to Slack and records the outcome.

It sends several rows at once, but one of each stream. A row is retried until it is delivered, superseded or failed.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from prometheus_client import CollectorRegistry

from bot.delivery.failure_handling import FailureHandler, OutcomeNotRecorded, RetryPolicy
from bot.delivery.metrics import OutboxMetrics
from bot.delivery.sender import Attachment, Sender
from bot.slack.api import SlackApi
from bot.views.markup.message import Message
from domain.clock import Clock, has_passed
from domain.errors import DeepechoError, PermanentError, UnknownOutcome
from domain.metrics.charts import AnyChart
from domain.redaction import redact
from runbooks.periodic import RepeatedWork, wait_until_set
from storage.outbox import FILE_NOT_UPLOADED, OutboxRow, RateLimits
from storage.outbox_messages import FactKinds
from storage.store import Store, Transaction

SEND_CONCURRENCY = 4
"""Rows that are sent at the same time, each of another stream."""
DRAWING_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError, OSError, MemoryError)
"""Errors that matplotlib may raise for unforeseen data. Drawing is deterministic, so it is not retried."""

Result = TypeVar("Result")
SendStage = Callable[[OutboxRow], Awaitable[OutboxRow]]
DeliveredHook = Callable[[Transaction, OutboxRow, datetime], Awaitable[None]]

log = structlog.get_logger(__name__)


class OutboxWorker:
    """Sends the rows of the outbox.

    ``render`` turns a fact into a message. ``check_lease`` runs before each call with a visible effect and may end the process.
    ``fallback`` names the channel for a row whose own channel cannot be used (empty: none). ``on_delivered`` runs once for each
    row, in the transaction that records its message. ``draw`` returns a chart as PNG. Rows of a replica without a heartbeat for
    ``dead_after`` are released with an unknown outcome. An unexpected error counts as a failed attempt of its row.
    """

    def __init__(
        self,
        store: Store,
        slack: SlackApi,
        render: Callable[[Any], Message],
        fact_kinds: FactKinds,
        *,
        clock: Clock,
        replica: str,
        rate_limits: RateLimits,
        check_lease: Callable[[], None],
        fallback: Callable[[OutboxRow], str],
        on_delivered: DeliveredHook,
        draw: Callable[[AnyChart], Awaitable[bytes]],
        rng: random.Random,
        dead_after: timedelta = timedelta(seconds=30),
        retry_policy: RetryPolicy | None = None,
        metrics: OutboxMetrics | None = None,
    ) -> None:
        self._store, self._render, self._clock = store, render, clock
        self._fact_kinds = fact_kinds
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
        """Why no message can be sent at all, as a sentence; empty where nothing blocks."""
        return "The database does not answer." if self._round.is_failing else self._failure_handler.account_error

    def wake(self) -> None:
        """Query the outbox at once: a row was added or a budget changed."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until ``drain``. Cancelling leaves rows in progress with an unknown outcome; the next start looks them up."""
        async with asyncio.TaskGroup() as rows:
            # Not ``run_periodically``: this loop ends, so that rows in progress can be finished.
            while not self._stopping:
                # Cleared before the query, not after it: a row that is added meanwhile must end the wait.
                self._woken.clear()
                pause = await self._round.attempt(lambda: self._run_once(rows))
                await wait_until_set(self._woken, self._retry_policy.idle_interval if pause is None else pause)

    async def drain(self, within: float) -> bool:
        """Claim no more rows and finish those in progress. False where some are left after ``within`` seconds."""
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
        """Start the rows that are due. Return the seconds to wait, unless woken."""
        await self._release_dead_replicas()
        has_more = await self._start(rows)
        return self._retry_policy.poll_interval if has_more else self._retry_policy.idle_interval

    async def _release_dead_replicas(self) -> None:
        """Mark rows claimed by dead replicas as of unknown outcome. With SQLite: all rows claimed before this process started."""
        now, first = self._clock.now(), self._dead_released_at is None
        if self._dead_released_at is not None and not has_passed(self._dead_after / 3, self._dead_released_at, now):
            return
        if first or not self._store.engines.is_sqlite:
            async with self._store.write() as tx:
                await tx.outbox.release_dead_claims(await self._live_replicas(tx, first=first))
        self._dead_released_at = now

    async def _live_replicas(self, tx: Transaction, *, first: bool) -> frozenset[str]:
        if self._store.engines.is_sqlite:
            return frozenset()
        live = await tx.replicas.live(self._dead_after)
        # At the first run this replica has claimed nothing yet: rows under its name are of its previous process.
        return live - {self._replica} if first else live | {self._replica}

    async def _start(self, rows: asyncio.TaskGroup) -> bool:
        """Claim and start due rows up to ``SEND_CONCURRENCY``. Return whether more rows wait."""
        while len(self._in_progress) < SEND_CONCURRENCY and not self._stopping:
            now = self._clock.now()
            async with self._store.read() as tx:
                due = await tx.outbox.next_due(now)
            if due is None or due > now:
                return due is not None
            async with self._store.write() as tx:
                row = await tx.outbox.claim(self._replica, now, self._rate_limits, self._in_progress)
            if row is None:  # the row waits for its stream or its budget, or another replica was faster
                return True
            log.debug("outbox message claimed", message=row.key, row=row.id, attempt=row.attempts)
            self._in_progress.add(row.id)
            rows.create_task(self._deliver(row), name=f"outbox-{row.id}")
        return True

    async def _deliver(self, row: OutboxRow) -> None:
        try:
            row = row if row.file_id else await self._attempt(row, self._send_message)
            if row.file_id:
                await self._attempt(row, self._send_file)
        except OutcomeNotRecorded as error:
            log.warning("outbox outcome not recorded", message=row.key, row=row.id, error=str(error))
        finally:
            self._in_progress.discard(row.id)
            self.wake()

    async def _attempt(self, row: OutboxRow, stage: SendStage) -> OutboxRow:
        """Run one stage and return the row after it; where the stage failed and was handled, the row as it was."""
        try:
            return await stage(row)
        except OutcomeNotRecorded:
            raise
        except DeepechoError as error:
            await self._failure_handler.handle(row, error)
        except Exception as error:
            # Broad on purpose: one message that cannot be rendered must not stop all others. It is retried, then it fails.
            log.exception("outbox message not sent, unexpected error", message=row.key, row=row.id, attempt=row.attempts)
            await self._failure_handler.handle_unexpected(row, error)
        return row

    def _message(self, row: OutboxRow) -> Message:
        return self._render(self._fact_kinds.load(row.kind, row.version, row.fact))

    async def _send_message(self, row: OutboxRow) -> OutboxRow:
        message = self._message(row)
        channel, ts = await self._with_timeout(self._sender.send(row, message))
        self._failure_handler.note_success()
        has_file = message.has_attachment and not row.ts

        async def record_outcome(tx: Transaction, at: datetime) -> None:
            # Settling is conditional on our claim, so the hook runs once even where two replicas sent the row.
            settle = tx.outbox.mark_message_sent if has_file else tx.outbox.mark_delivered
            if await settle(row, channel, ts, at):
                await self._on_delivered(tx, row, at)

        await self._failure_handler.record(record_outcome)
        log.debug("outbox message sent", message=row.key, row=row.id, channel=channel, ts=ts)
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
        log.debug("outbox file sent", message=row.key, row=row.id)
        self._metrics.settled("delivered")
        return row

    async def _attachment(self, message: Message) -> Attachment:
        if message.image is not None:
            return Attachment(redact(message.image.title), "png", message.image.png)
        if message.file is not None:
            stem, _, suffix = message.file.name.rpartition(".")
            return Attachment(message.file.name, suffix, message.file.text.encode(), name=stem)
        if message.chart is not None:
            return Attachment(redact(message.chart.title), "png", await self._draw_chart(message.chart))
        return Attachment(message.text, "txt", (message.overflow or message.text).encode())

    async def _draw_chart(self, chart: AnyChart) -> bytes:
        """The chart as PNG. Raises ``PermanentError`` where it cannot be drawn: the message has its numbers as text."""
        try:
            async with asyncio.timeout(self._retry_policy.drawing_timeout):
                return await self._draw(chart)
        except TimeoutError as error:
            raise PermanentError("The chart took too long to draw; what it shows stands in words.") from error
        except DRAWING_ERRORS as error:
            log.exception("chart not drawn", title=chart.title)
            sentence = f"The chart could not be drawn ({type(error).__name__}); what it shows stands in words."
            raise PermanentError(sentence) from error

    async def _with_timeout(self, sending: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(self._retry_policy.attempt_timeout):
                return await sending
        except TimeoutError as error:
            raise UnknownOutcome("Slack took too long.") from error
