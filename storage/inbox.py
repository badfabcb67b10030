"""The inbox: inbound messages, stored before they are acknowledged, and how each was answered."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import TemporaryError
from domain.inbound import InboundKind, InboundMessage
from storage.engines import UNAVAILABLE_ERRORS, driver_error_name
from storage.inbox_batches import InboxBatchWriter, PostgresBatchWriter, SqliteBatchWriter
from storage.pruning import delete_batch
from storage.tables.core import inbox, timers

BATCH_WINDOW_SECONDS = 0.001
"""How long a batch waits for more messages if the previous one had several. A commit costs as much as writing three messages."""

MAX_WRITE_BATCH_MESSAGES = 64
"""Maximum messages in one commit. PostgreSQL accepts 32,767 parameters in a statement; each row has five."""
MAX_READ_BATCH_CHARACTERS = 8 * 1024 * 1024
"""Maximum characters of notifications in memory at a time. A single one may be as long: the webhook accepts no more."""

_MAX_FUTURE = timedelta(minutes=1)
"""More than any grace period and the tolerance between clocks."""
_UNANSWERED = inbox.c.answered_at.is_(None)
_OLDEST_FIRST = (inbox.c.received_at, inbox.c.key)


class Inbox:
    """The inbox's rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, key: str, replica: str) -> bool:
        """Claim an unanswered message, also again. False if another replica has claimed it, or if it was answered."""
        where = (inbox.c.key == key) & (inbox.c.claimed_by.in_(("", replica))) & inbox.c.answered_at.is_(None)
        return (await self._connection.execute(update(inbox).where(where).values(claimed_by=replica))).rowcount == 1

    async def mark_answered(self, key: str, at: datetime, outcome: str) -> bool:
        """Record that a message was answered, and how. The first answer stays: False if there is one already.

        Its body is deleted: what people wrote, and the address at which Slack takes answers, are not needed any more.
        """
        where = (inbox.c.key == key) & inbox.c.answered_at.is_(None)
        values = {"answered_at": at, "outcome": outcome, "body": ""}
        return (await self._connection.execute(update(inbox).where(where).values(**values))).rowcount == 1

    async def release_dead_claims(self, live_replicas: frozenset[str]) -> None:
        """Release the claims of all replicas but these: any replica may claim the messages again."""
        where = inbox.c.answered_at.is_(None) & inbox.c.claimed_by.not_in({"", *live_replicas})
        await self._connection.execute(update(inbox).where(where).values(claimed_by=""))

    async def prune(self, before: datetime) -> int:
        """Delete a batch of messages that were answered before this time; returns how many. One that a timer is about stays."""
        is_needed = exists().where(timers.c.subject == inbox.c.key)
        return await delete_batch(self._connection, inbox, inbox.c.key, (inbox.c.answered_at < before) & ~is_needed)

    async def unanswered(self, *, received_before: datetime) -> tuple[InboundMessage, ...]:
        """Unanswered messages of people that were received before this time, oldest first.

        Those that were received at a time yet to come are among them: nobody knows their age since the clock was set back.
        """
        is_old = (inbox.c.received_at < received_before) | (inbox.c.received_at > received_before + _MAX_FUTURE)
        is_of_people = inbox.c.kind.not_in((InboundKind.ALERT, InboundKind.CHANNEL_EVENT))
        return await self._select(_UNANSWERED & is_of_people & is_old)

    async def channel_events(self, *, limit: int) -> tuple[InboundMessage, ...]:
        """Events of channels that were not applied yet, oldest first."""
        return await self._select(_UNANSWERED & (inbox.c.kind == InboundKind.CHANNEL_EVENT), limit=limit)

    async def notifications(self, *, limit: int) -> tuple[InboundMessage, ...]:
        """Notifications of Alertmanager that were not applied yet, oldest first.

        At most ``limit``, and together at most ``MAX_READ_BATCH_CHARACTERS``.
        """
        # The lengths are read first, so that bodies beyond the limit never reach memory.
        body_length = func.length(inbox.c.body)
        statement = select(inbox.c.key, body_length).where(_UNANSWERED & (inbox.c.kind == InboundKind.ALERT))
        rows = (await self._connection.execute(statement.order_by(*_OLDEST_FIRST).limit(limit))).all()
        running_totals = accumulate(length for _, length in rows)
        # The oldest is always among them, however long it is: otherwise it would block the queue for ever.
        keys = [
            key
            for index, ((key, _), running_total) in enumerate(zip(rows, running_totals, strict=True))
            if not index or running_total <= MAX_READ_BATCH_CHARACTERS
        ]
        return await self._select(inbox.c.key.in_(keys)) if keys else ()

    async def notification(self, key: str) -> InboundMessage | None:
        """A notification by its key, applied or not; None where it was deleted."""
        found = await self._select((inbox.c.key == key) & (inbox.c.kind == InboundKind.ALERT))
        return found[0] if found else None

    async def backlog(self) -> int:
        """How many notifications were not applied yet."""
        where = _UNANSWERED & (inbox.c.kind == InboundKind.ALERT)
        return (await self._connection.execute(select(func.count()).select_from(inbox).where(where))).scalar_one()

    async def mark_applied(self, keys: Sequence[str], at: datetime, outcome: str) -> None:
        """Record that these notifications were applied, or in ``outcome`` why not."""
        where = inbox.c.key.in_(keys) & inbox.c.answered_at.is_(None)
        await self._connection.execute(update(inbox).where(where).values(answered_at=at, outcome=outcome))

    async def _select(self, where: ColumnElement[bool], *, limit: int | None = None) -> tuple[InboundMessage, ...]:
        columns = (inbox.c.key, inbox.c.kind, inbox.c.body, inbox.c.received_at, inbox.c.source)
        statement = select(*columns).where(where).order_by(*_OLDEST_FIRST).limit(limit)
        rows = await self._connection.execute(statement)
        return tuple(
            InboundMessage(key=key, kind=InboundKind(kind), body=body, received_at=at, source=source)
            for key, kind, body, at, source in rows
        )


class InboxWriter:
    """Stores inbound messages durably. Concurrent ones share a commit: while one batch is synced, the next one collects."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._batch_writer: InboxBatchWriter = (
            SqliteBatchWriter(engine.url.database or "") if engine.dialect.name == "sqlite" else PostgresBatchWriter(engine)
        )
        self._queue: list[tuple[InboundMessage, asyncio.Future[bool]]] = []
        self._write_task: asyncio.Task[None] | None = None
        self._last_batch_was_shared = False

    async def put(self, message: InboundMessage) -> bool:
        """Store the message. Returns True once it is on disk, False if its key exists already.

        Raises ``TemporaryError`` if the database does not accept it: nothing was stored, and the sender may try again.
        """
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((message, stored))
        if self._write_task is None:
            self._write_task = asyncio.create_task(self._write_all(), name="inbox-writer")
        return await stored

    async def _write_all(self) -> None:
        try:
            while self._queue:
                # A message that comes alone must not wait, so only a batch after a shared one does.
                if self._last_batch_was_shared and len(self._queue) < MAX_WRITE_BATCH_MESSAGES:
                    await asyncio.sleep(BATCH_WINDOW_SECONDS)
                self._last_batch_was_shared = len(self._queue) > 1
                batch, self._queue = self._queue[:MAX_WRITE_BATCH_MESSAGES], self._queue[MAX_WRITE_BATCH_MESSAGES:]
                await self._write_batch(batch)
        finally:
            self._write_task = None

    async def _write_batch(self, batch: Sequence[tuple[InboundMessage, "asyncio.Future[bool]"]]) -> None:
        try:
            new_keys = await self._batch_writer.insert([message for message, _ in batch])
        except (*UNAVAILABLE_ERRORS, sqlite3.Error) as error:
            for _, stored in batch:
                if not stored.done():
                    stored.set_exception(TemporaryError(f"The inbox could not be written: {driver_error_name(error)}."))
            return
        for message, stored in batch:
            if not stored.done():
                stored.set_result(message.key in new_keys)
            # A key may be in the batch twice: only its first message is new.
            new_keys.discard(message.key)

    def close(self) -> None:
        """Close the connection. ``put`` must not be called afterwards."""
        self._batch_writer.close()
