"""Operations. A record is read with its row locked, changed by a pure transition, and written back under its epoch."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.operations.operation import OperationRecord, State
from storage.outbox_messages import OPERATION_CARD, dump
from storage.pruning import prunable_ids
from storage.tables.core import audit, timers
from storage.tables.operations import locks, operations

PRUNE_BATCH_OPERATIONS = 50
"""Maximum operations that one call of ``prune`` deletes: a record with its plan takes some ten kilobytes."""


class Fenced(BaseException):
    """The process no longer owns the operation that it tried to write.

    It is a ``BaseException``, so that no handler of ``Exception`` catches it and goes on.
    """


class OperationRepository:
    """The operations' rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, operation_id: str) -> OperationRecord | None:
        """The operation; None if there is none."""
        return await self._get_where(operations.c.id == operation_id)

    async def get_by_source(self, source: str) -> OperationRecord | None:
        """The operation that the inbox message with this key started, or None."""
        return await self._get_where(operations.c.source == source)

    async def get_for_update(self, operation_id: str, *, epoch: int | None = None) -> OperationRecord | None:
        """Read the operation and lock its row until the transaction ends.

        With ``epoch``, raises ``Fenced`` if another process has claimed the operation since.
        """
        statement = select(operations.c.record).where(operations.c.id == operation_id).with_for_update()
        text = (await self._connection.execute(statement)).scalar_one_or_none()
        record = None if text is None else _read(text)
        if epoch is not None and (record is None or record.epoch != epoch):
            raise Fenced(f"{operation_id} is at epoch {record.epoch if record else 'none'}, not {epoch}")
        return record

    async def add(self, record: OperationRecord) -> None:
        """Insert a new operation."""
        await self._connection.execute(operations.insert().values(id=record.id, source=record.source, **_columns(record)))

    async def save(self, record: OperationRecord) -> None:
        """Write a record back. Raises ``Fenced`` if another process has claimed the operation."""
        # Callers lock the row when they read it; the epoch also protects against one that did not.
        where = (operations.c.id == record.id) & (operations.c.epoch == record.epoch)
        result = await self._connection.execute(update(operations).where(where).values(**_columns(record)))
        if result.rowcount != 1:
            raise Fenced(f"{record.id} is no longer at epoch {record.epoch}")

    async def claim(self, record: OperationRecord) -> bool:
        """Take an operation over: ``record`` has the new owner and the next epoch. False if another replica was first."""
        # Compare-and-set: of several replicas that take over the same epoch, one succeeds.
        where = (operations.c.id == record.id) & (operations.c.epoch == record.epoch - 1)
        result = await self._connection.execute(update(operations).where(where).values(**_columns(record)))
        return result.rowcount == 1

    async def unfinished(self) -> tuple[OperationRecord, ...]:
        """Every operation that has not ended, oldest first."""
        is_unfinished = operations.c.state.in_([state.value for state in State if not state.final])
        rows = await self._connection.execute(
            select(operations.c.record).where(is_unfinished).order_by(operations.c.requested_at)
        )
        return tuple(_read(text) for text in rows.scalars())

    async def recent(
        self, *, environment: str | None = None, unfinished: bool = False, limit: int = 20
    ) -> tuple[OperationRecord, ...]:
        """Operations, newest first."""
        statement = select(operations.c.record).order_by(operations.c.requested_at.desc(), operations.c.id).limit(limit)
        if environment is not None:
            statement = statement.where(operations.c.environment == environment)
        if unfinished:
            statement = statement.where(operations.c.state.in_([state.value for state in State if not state.final]))
        return tuple(_read(text) for text in (await self._connection.execute(statement)).scalars())

    async def requested_since(self, at: datetime, *, environment: str) -> tuple[OperationRecord, ...]:
        """Operations of an environment that were requested since then or have not ended, newest first."""
        return await self._unfinished_or(operations.c.requested_at >= at, environment)

    async def ended_since(self, at: datetime, *, environment: str) -> tuple[OperationRecord, ...]:
        """Operations of an environment that ended since then or have not ended, newest first."""
        return await self._unfinished_or(operations.c.ended_at >= at, environment)

    async def _unfinished_or(self, where: ColumnElement[bool], environment: str) -> tuple[OperationRecord, ...]:
        is_unfinished = operations.c.state.in_([state.value for state in State if not state.final])
        statement = (
            select(operations.c.record)
            .where(operations.c.environment == environment, where | is_unfinished)
            .order_by(operations.c.requested_at.desc(), operations.c.id)
        )
        return tuple(_read(text) for text in (await self._connection.execute(statement)).scalars())

    async def stored_ids(self, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that are stored operations."""
        return frozenset((await self._connection.execute(select(operations.c.id).where(operations.c.id.in_(ids)))).scalars())

    async def known_ids(self, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that are in use, also by deleted operations, which the audit log names for ever."""
        audited = await self._connection.execute(select(audit.c.operation).where(audit.c.operation.in_(ids)).distinct())
        return await self.stored_ids(ids) | frozenset(audited.scalars())

    async def prune(self, before: datetime) -> int:
        """Delete a batch of operations that ended before this time; returns how many.

        One that a lock, a timer or an unsent message is about stays, and one that was started by a timer that still exists:
        that timer would start it a second time.
        """
        is_locking = exists().where(locks.c.operation == operations.c.id)
        is_repeatable = exists().where(timers.c.key == operations.c.source)
        where = (operations.c.ended_at < before) & ~is_locking & ~is_repeatable
        expired_ids = await prunable_ids(self._connection, operations.c.id, where, PRUNE_BATCH_OPERATIONS)
        await self._connection.execute(delete(operations).where(operations.c.id.in_(expired_ids)))
        return len(expired_ids)

    async def _get_where(self, where: object) -> OperationRecord | None:
        text = (await self._connection.execute(select(operations.c.record).where(where))).scalar_one_or_none()  # type: ignore[arg-type]
        return None if text is None else _read(text)


def _read(text: str) -> OperationRecord:
    record: OperationRecord = OPERATION_CARD.load(text)
    return record


def _columns(record: OperationRecord) -> dict[str, object]:
    return {
        "environment": record.environment,
        "state": record.state.value,
        "requested_at": record.requested_at,
        "ended_at": record.ended_at,
        "owner": record.owner,
        "epoch": record.epoch,
        "procedures_version": record.procedures_version,
        "record": dump(record),
    }
