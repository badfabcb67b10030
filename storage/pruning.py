"""Deletes of what has ended, in batches: a batch holds the database for some milliseconds, so that commands need not wait."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables.core import outbox, timers

PRUNE_BATCH_ROWS = 100
"""Maximum rows that one call of a ``prune`` deletes. With bodies of notifications a batch takes about 10 ms on SQLite."""


async def delete_batch(connection: AsyncConnection, table: Table, key: Column[Any], where: ColumnElement[bool]) -> int:
    """Delete at most ``PRUNE_BATCH_ROWS`` rows; returns how many."""
    keys = select(key).where(where).limit(PRUNE_BATCH_ROWS)
    return (await connection.execute(delete(table).where(key.in_(keys)))).rowcount


async def prunable_ids(
    connection: AsyncConnection, subject: Column[str], where: ColumnElement[bool], limit: int
) -> Sequence[str]:
    """Ids of subjects that ended and that neither a timer nor an unsent message needs."""
    statement = select(subject).where(where, is_unneeded(subject)).limit(limit)
    return (await connection.execute(statement)).scalars().all()


def is_unneeded(subject: Column[str]) -> ColumnElement[bool]:
    """Whether no timer is about the subject, and every message about it is settled."""
    unsettled = exists().where(outbox.c.stream == subject, outbox.c.settled_at.is_(None))
    return and_(~exists().where(timers.c.subject == subject), ~unsettled)
