"""The inbox: what arrived, written down before it is acknowledged, and whether it was answered."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import TemporaryError
from domain.inbound import Delivery, DeliveryKind
from storage.engines import UNAVAILABLE, reason
from storage.inbox_batches import Rows, RowsInFile, RowsOnServer
from storage.tables import inbox

GATHER_SECONDS = 0.001
"""How long a batch waits for company, where the one before it had some: each commit costs as much as three deliveries."""

LARGEST_BATCH = 64
"""Deliveries that share one commit. PostgreSQL takes 32,767 parameters a statement; ours has four a row."""
MOST_AT_ONCE = 8 * 1024 * 1024
"""Characters of notifications that are held together. One alone may be as long: the door takes no more."""

_OPEN = inbox.c.answered_at.is_(None)
_OLDEST_FIRST = (inbox.c.received_at, inbox.c.key)


class Inbox:
    """The inbox's rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, key: str, replica: str) -> bool:
        """Claim an unanswered delivery for this replica. False where another has it, or it was answered."""
        where = (inbox.c.key == key) & (inbox.c.taken_by.in_(("", replica))) & inbox.c.answered_at.is_(None)
        return (await self._connection.execute(update(inbox).where(where).values(taken_by=replica))).rowcount == 1

    async def answered(self, key: str, at: datetime, answer: str) -> None:
        """The person has their answer (``answer`` says of which kind); the first answer stands."""
        where = (inbox.c.key == key) & inbox.c.answered_at.is_(None)
        await self._connection.execute(update(inbox).where(where).values(answered_at=at, answer=answer))

    async def release(self, replicas: frozenset[str]) -> None:
        """What replicas other than these had taken when they died is anybody's again."""
        where = inbox.c.answered_at.is_(None) & inbox.c.taken_by.not_in({"", *replicas})
        await self._connection.execute(update(inbox).where(where).values(taken_by=""))

    async def prune(self, before: datetime) -> None:
        """Drop what was answered long ago."""
        await self._connection.execute(delete(inbox).where(inbox.c.answered_at < before))

    async def unanswered(self, *, received_before: datetime) -> tuple[Delivery, ...]:
        """What a person said and nobody answered though it came in before this moment, oldest first."""
        return await self._select(_OPEN & (inbox.c.kind != DeliveryKind.ALERT) & (inbox.c.received_at < received_before))

    async def notifications(self, *, limit: int) -> tuple[Delivery, ...]:
        """What Alertmanager told and was not applied yet, oldest first: at most so many, and no more than fit in memory."""
        size = func.length(inbox.c.body)
        statement = select(inbox.c.key, size).where(_OPEN & (inbox.c.kind == DeliveryKind.ALERT))
        found = (await self._connection.execute(statement.order_by(*_OLDEST_FIRST).limit(limit))).all()
        sizes = accumulate(length for _, length in found)
        keys = [
            key for number, ((key, _), held) in enumerate(zip(found, sizes, strict=True)) if not number or held <= MOST_AT_ONCE
        ]
        return await self._select(inbox.c.key.in_(keys)) if keys else ()

    async def backlog(self) -> int:
        """How many notifications were not applied yet."""
        where = _OPEN & (inbox.c.kind == DeliveryKind.ALERT)
        return (await self._connection.execute(select(func.count()).select_from(inbox).where(where))).scalar_one()

    async def applied(self, keys: Sequence[str], at: datetime, how: str) -> None:
        """These notifications are true now (``how`` says that, or why not)."""
        where = inbox.c.key.in_(keys) & inbox.c.answered_at.is_(None)
        await self._connection.execute(update(inbox).where(where).values(answered_at=at, answer=how))

    async def _select(self, where: ColumnElement[bool]) -> tuple[Delivery, ...]:
        columns = (inbox.c.key, inbox.c.kind, inbox.c.body, inbox.c.received_at)
        statement = select(*columns).where(where).order_by(*_OLDEST_FIRST)
        rows = await self._connection.execute(statement)
        return tuple(Delivery(key=key, kind=DeliveryKind(kind), body=body, received_at=at) for key, kind, body, at in rows)


class InboxWriter:
    """Writes deliveries down durably. Concurrent ones share a commit: while one is synced, the next batch gathers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._rows: Rows = RowsInFile(engine.url.database or "") if engine.dialect.name == "sqlite" else RowsOnServer(engine)
        self._waiting: list[tuple[Delivery, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._had_company = False

    async def put(self, delivery: Delivery) -> bool:
        """Keep the delivery; True once it is on the disk, False where it was there already.

        Raises ``TemporaryError`` where the database does not take it: nothing was kept, and the sender may try again.
        """
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, kept))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="inbox-writer")
        return await kept

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                if self._had_company and len(self._waiting) < LARGEST_BATCH:
                    await asyncio.sleep(GATHER_SECONDS)
                self._had_company = len(self._waiting) > 1
                batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
                await self._write(batch)
        finally:
            self._writing = None

    async def _write(self, batch: Sequence[tuple[Delivery, "asyncio.Future[bool]"]]) -> None:
        try:
            new = await self._rows.insert([delivery for delivery, _ in batch])
        except (*UNAVAILABLE, sqlite3.Error) as error:
            sentence = f"The inbox could not be written: {reason(error)}."
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(TemporaryError(sentence))
            return
        for delivery, kept in batch:
            if not kept.done():
                kept.set_result(delivery.key in new)
            new.discard(delivery.key)

    def close(self) -> None:
        """Let go of the file; nothing may be put afterwards."""
        self._rows.close()
