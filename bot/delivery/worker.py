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

from bot.delivery.metrics import DeliveryMetrics
from bot.delivery.retries import NotKept, Patience, Recovery
from bot.delivery.sender import Attachment, Sender
from bot.slack.api import SlackApi
from bot.views.markup.message import Message
from domain.clock import Clock
from domain.errors import DeepechoError, PermanentError, TemporaryError, UnknownOutcome
from domain.metrics.charts import Chart
from domain.redaction import redact
from storage.outbox import FILE_WANTED, OutboxRow, Pace
from storage.outbox_messages import load
from storage.store import Store, Transaction

AT_ONCE = 4
"""Rows under way at the same time; each is of another stream."""
NOT_DRAWN = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError, OSError, MemoryError)
"""What drawing can raise that no test foresaw. The same numbers would raise it again: it is not tried a second time."""

Result = TypeVar("Result")
Stage = Callable[[OutboxRow], Awaitable[OutboxRow]]
DeliveredHook = Callable[[Transaction, OutboxRow, datetime], Awaitable[None]]

log = structlog.get_logger(__name__)


class Delivery:
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
        pace: Pace,
        alive: Callable[[], None],
        fallback: Callable[[OutboxRow], str],
        on_delivered: DeliveredHook,
        draw: Callable[[Chart], Awaitable[bytes]],
        chance: random.Random,
        dead_after: timedelta = timedelta(seconds=30),
        patience: Patience | None = None,
        metrics: DeliveryMetrics | None = None,
    ) -> None:
        self._store, self._render, self._clock = store, render, clock
        self._replica, self._pace, self._on_delivered, self._draw = replica, pace, on_delivered, draw
        self._patience, self._dead_after = patience or Patience(), dead_after
        self._metrics = metrics or DeliveryMetrics(CollectorRegistry())
        self._sender = Sender(slack, alive)
        self._recovery = Recovery(store, clock, self._patience, chance, fallback, self._metrics)
        self._under_way: set[int] = set()
        self._woken = asyncio.Event()
        self._stopping = False
        self._looked_for_dead_at: datetime | None = None
        self._database_away = False

    @property
    def trouble(self) -> str:
        """What keeps messages from going out at all, in a sentence; empty where nothing does."""
        return "The database does not answer." if self._database_away else self._recovery.trouble

    def nudge(self) -> None:
        """Something was put into the outbox, or the budget of it changed: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until ``drain``. Cancelling leaves what is under way with an unknown outcome, which the next start looks up."""
        async with asyncio.TaskGroup() as rows:
            while not self._stopping:
                self._woken.clear()
                await self._rest(await self._look(rows))

    async def drain(self, within: float) -> bool:
        """Take no more rows, and finish what is under way. False where something is left after ``within`` seconds."""
        self._stopping = True
        self.nudge()
        try:
            async with asyncio.timeout(within):
                while self._under_way:
                    self._woken.clear()
                    await self._woken.wait()
        except TimeoutError:
            return False
        return True

    async def _look(self, rows: asyncio.TaskGroup) -> float:
        """Begin whatever may go out now. For how many seconds to rest then, unless woken."""
        try:
            await self._abandon_dead()
            waits = await self._start(rows)
        except TemporaryError as error:
            if not self._database_away:
                log.warning("outbox.database_away", problem=str(error))
            self._database_away = True
            return self._patience.idle
        self._database_away = False
        return self._patience.poll if waits else self._patience.idle

    async def _rest(self, pause: float) -> None:
        try:
            async with asyncio.timeout(pause):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _abandon_dead(self) -> None:
        """What dead replicas had under way has an unknown outcome. One process alone: everything from before it started."""
        now, first = self._clock.now(), self._looked_for_dead_at is None
        if self._looked_for_dead_at is not None and now - self._looked_for_dead_at < self._dead_after / 3:
            return
        if first or not self._store.engines.is_sqlite:
            async with self._store.write() as tx:
                await tx.outbox.abandon(await self._living(tx, first=first))
        self._looked_for_dead_at = now

    async def _living(self, tx: Transaction, *, first: bool) -> frozenset[str]:
        if self._store.engines.is_sqlite:
            return frozenset()
        living = await tx.replicas.alive(self._dead_after)
        return living - {self._replica} if first else living | {self._replica}

    async def _start(self, rows: asyncio.TaskGroup) -> bool:
        """Begin rows while there are some and hands are free. Whether more is waiting."""
        while len(self._under_way) < AT_ONCE and not self._stopping:
            now = self._clock.now()
            async with self._store.read() as tx:
                due = await tx.outbox.next_due()
            if due is None or due > now:
                return due is not None
            async with self._store.write() as tx:
                row = await tx.outbox.claim(self._replica, now, self._pace)
            if row is None:
                return True
            self._under_way.add(row.id)
            rows.create_task(self._deliver(row), name=f"outbox-{row.id}")
        return True

    async def _deliver(self, row: OutboxRow) -> None:
        try:
            row = row if row.file_id else await self._tried(row, self._bring_message)
            if row.file_id:
                await self._tried(row, self._bring_file)
        except NotKept as lost:
            log.warning("outbox.not_kept", row=row.id, key=row.key, problem=str(lost))
        finally:
            self._under_way.discard(row.id)
            self.nudge()

    async def _tried(self, row: OutboxRow, stage: Stage) -> OutboxRow:
        """The row after a stage; as it was where the stage failed and that was followed up."""
        try:
            return await stage(row)
        except NotKept:
            raise
        except DeepechoError as error:
            await self._recovery.after(row, error)
        except Exception as error:
            # The edge of one row: a message that cannot be shown must not silence all others. It is tried again, then fails.
            log.exception("outbox.unexpected", row=row.id, key=row.key, attempt=row.attempts)
            await self._recovery.after_unexpected(row, error)
        return row

    def _message(self, row: OutboxRow) -> Message:
        return self._render(load(row.kind, row.version, row.fact))

    async def _bring_message(self, row: OutboxRow) -> OutboxRow:
        message = self._message(row)
        channel, ts = await self._in_time(self._sender.send(row, message))
        self._recovery.note_success()
        has_file = (bool(message.overflow) or message.chart is not None) and not row.ts

        async def keep(tx: Transaction, at: datetime) -> None:
            note_down = tx.outbox.arrived if has_file else tx.outbox.delivered
            if await note_down(row, channel, ts, at):
                await self._on_delivered(tx, row, at)

        await self._recovery.record(keep)
        if has_file:
            return replace(row, channel=channel, ts=ts, file_id=FILE_WANTED)
        self._metrics.settled("delivered")
        return row

    async def _bring_file(self, row: OutboxRow) -> OutboxRow:
        message = self._message(row)

        async def begun(file_id: str) -> None:
            is_mine = False

            async def keep(tx: Transaction, at: datetime) -> None:
                nonlocal is_mine
                is_mine = await tx.outbox.file_begun(row, file_id, at)

            await self._recovery.record(keep)
            if not is_mine:
                raise NotKept("another replica has taken the row over, and its file with it")

        await self._in_time(self._sender.send_file(row, await self._attachment(message), begun))
        await self._recovery.record(lambda tx, at: tx.outbox.delivered(row, row.channel, row.ts, at))
        self._metrics.settled("delivered")
        return row

    async def _attachment(self, message: Message) -> Attachment:
        if message.chart is not None:
            return Attachment(redact(message.chart.title), "png", await self._drawn(message.chart))
        return Attachment(message.text, "txt", (message.overflow or message.text).encode())

    async def _drawn(self, chart: Chart) -> bytes:
        """The picture. Where there can be none, its thread goes on without: its words are there."""
        try:
            async with asyncio.timeout(self._patience.draw):
                return await self._draw(chart)
        except TimeoutError as error:
            raise PermanentError("The chart took too long to draw; what it shows stands in words.") from error
        except NOT_DRAWN as error:
            log.exception("outbox.not_drawn", title=chart.title)
            sentence = f"The chart could not be drawn ({type(error).__name__}); what it shows stands in words."
            raise PermanentError(sentence) from error

    async def _in_time(self, doing: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(self._patience.attempt):
                return await doing
        except TimeoutError as error:
            raise UnknownOutcome("Slack took too long.") from error
