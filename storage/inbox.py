"""The inbox: what arrived, written down before it is acknowledged, and whether it was answered."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import TemporaryError
from domain.inbound import InboundKind, InboundMessage
from storage.engines import UNAVAILABLE_ERRORS, driver_error_name
from storage.inbox_batches import InboxBatchWriter, PostgresBatchWriter, SqliteBatchWriter
from storage.tables.core import inbox

BATCH_WINDOW_SECONDS = 0.001
"""How long a batch waits for company, where the one before it had some: each commit costs as much as three deliveries."""

MAX_WRITE_BATCH_MESSAGES = 64
"""Deliveries that share one commit. PostgreSQL takes 32,767 parameters a statement; ours has four a row."""
MAX_READ_BATCH_CHARACTERS = 8 * 1024 * 1024
"""Characters of notifications that are held together. One alone may be as long: the door takes no more."""

_UNANSWERED = inbox.c.answered_at.is_(None)
_OLDEST_FIRST = (inbox.c.received_at, inbox.c.key)


class Inbox:
    """The inbox's rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, key: str, replica: str) -> bool:
        """Claim an unanswered delivery for this replica. False where another has it, or it was answered."""
        where = (inbox.c.key == key) & (inbox.c.claimed_by.in_(("", replica))) & inbox.c.answered_at.is_(None)
        return (await self._connection.execute(update(inbox).where(where).values(claimed_by=replica))).rowcount == 1

    async def mark_answered(self, key: str, at: datetime, outcome: str) -> None:
        """The person has their answer (``answer`` says of which kind); the first answer stands."""
        where = (inbox.c.key == key) & inbox.c.answered_at.is_(None)
        await self._connection.execute(update(inbox).where(where).values(answered_at=at, outcome=outcome))

    async def release_dead_claims(self, live_replicas: frozenset[str]) -> None:
        """What replicas other than these had taken when they died is anybody's again."""
        where = inbox.c.answered_at.is_(None) & inbox.c.claimed_by.not_in({"", *live_replicas})
        await self._connection.execute(update(inbox).where(where).values(claimed_by=""))

    async def prune(self, before: datetime) -> None:
        """Drop what was answered long ago."""
        await self._connection.execute(delete(inbox).where(inbox.c.answered_at < before))

    async def unanswered(self, *, received_before: datetime) -> tuple[InboundMessage, ...]:
        """What a person said and nobody answered though it came in before this moment, oldest first."""
        return await self._select(_UNANSWERED & (inbox.c.kind != InboundKind.ALERT) & (inbox.c.received_at < received_before))

    async def notifications(self, *, limit: int) -> tuple[InboundMessage, ...]:
        """What Alertmanager told and was not applied yet, oldest first: at most so many, and no more than fit in memory."""
        body_length = func.length(inbox.c.body)
        statement = select(inbox.c.key, body_length).where(_UNANSWERED & (inbox.c.kind == InboundKind.ALERT))
        rows = (await self._connection.execute(statement.order_by(*_OLDEST_FIRST).limit(limit))).all()
        running_totals = accumulate(length for _, length in rows)
        keys = [
            key
            for index, ((key, _), running_total) in enumerate(zip(rows, running_totals, strict=True))
            if not index or running_total <= MAX_READ_BATCH_CHARACTERS
        ]
        return await self._select(inbox.c.key.in_(keys)) if keys else ()

    async def backlog(self) -> int:
        """How many notifications were not applied yet."""
        where = _UNANSWERED & (inbox.c.kind == InboundKind.ALERT)
        return (await self._connection.execute(select(func.count()).select_from(inbox).where(where))).scalar_one()

    async def mark_applied(self, keys: Sequence[str], at: datetime, outcome: str) -> None:
        """These notifications are true now (``how`` says that, or why not)."""
        where = inbox.c.key.in_(keys) & inbox.c.answered_at.is_(None)
        await self._connection.execute(update(inbox).where(where).values(answered_at=at, outcome=outcome))

    async def _select(self, where: ColumnElement[bool]) -> tuple[InboundMessage, ...]:
        columns = (inbox.c.key, inbox.c.kind, inbox.c.body, inbox.c.received_at)
        statement = select(*columns).where(where).order_by(*_OLDEST_FIRST)
        rows = await self._connection.execute(statement)
        return tuple(InboundMessage(key=key, kind=InboundKind(kind), body=body, received_at=at) for key, kind, body, at in rows)


class InboxWriter:
    """Writes deliveries down durably. Concurrent ones share a commit: while one is synced, the next batch gathers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._batch_writer: InboxBatchWriter = (
            SqliteBatchWriter(engine.url.database or "") if engine.dialect.name == "sqlite" else PostgresBatchWriter(engine)
        )
        self._queue: list[tuple[InboundMessage, asyncio.Future[bool]]] = []
        self._write_task: asyncio.Task[None] | None = None
        self._last_batch_was_shared = False

    async def put(self, delivery: InboundMessage) -> bool:
        """Keep the delivery; True once it is on the disk, False where it was there already.

        Raises ``TemporaryError`` where the database does not take it: nothing was kept, and the sender may try again.
        """
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((delivery, stored))
        if self._write_task is None:
            self._write_task = asyncio.create_task(self._write_all(), name="inbox-writer")
        return await stored

    async def _write_all(self) -> None:
        try:
            while self._queue:
                if self._last_batch_was_shared and len(self._queue) < MAX_WRITE_BATCH_MESSAGES:
                    await asyncio.sleep(BATCH_WINDOW_SECONDS)
                self._last_batch_was_shared = len(self._queue) > 1
                batch, self._queue = self._queue[:MAX_WRITE_BATCH_MESSAGES], self._queue[MAX_WRITE_BATCH_MESSAGES:]
                await self._write_batch(batch)
        finally:
            self._write_task = None

    async def _write_batch(self, batch: Sequence[tuple[InboundMessage, "asyncio.Future[bool]"]]) -> None:
        try:
            new_keys = await self._batch_writer.insert([delivery for delivery, _ in batch])
        except (*UNAVAILABLE_ERRORS, sqlite3.Error) as error:
            message = f"The inbox could not be written: {driver_error_name(error)}."
            for _, stored in batch:
                if not stored.done():
                    stored.set_exception(TemporaryError(message))
            return
        for delivery, stored in batch:
            if not stored.done():
                stored.set_result(delivery.key in new_keys)
            new_keys.discard(delivery.key)

    def close(self) -> None:
        """Let go of the file; nothing may be put afterwards."""
        self._batch_writer.close()
