"""What housekeeping deletes of the outbox: settled rows, addresses of messages whose subject is gone, budgets of long ago."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.pruning import PRUNE_BATCH_ROWS, delete_batch
from storage.tables.core import budgets, messages, outbox


class MessageAddress(NamedTuple):
    """A message in Slack. ``subject`` is the id of the operation, alert group or storm that it is about."""

    key: str
    edited_at: datetime
    is_reply: bool

    @property
    def subject(self) -> str:
        """The beginning of the key: ``op-k7m2`` of ``op-k7m2/card`` and of ``op-k7m2/t/asked``."""
        return self.key.partition("/")[0]


class OutboxPruning:
    """The rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def prune_rows(self, before: datetime) -> int:
        """Delete a batch of rows that were settled before this time; returns how many."""
        return await delete_batch(self._connection, outbox, outbox.c.id, outbox.c.settled_at < before)

    async def prune_budgets(self, before: datetime) -> int:
        """Delete a batch of budgets that were spent before this time; returns how many."""
        return await delete_batch(self._connection, budgets, budgets.c.key, budgets.c.available_at < before)

    async def addresses(self, before: datetime, *, after_key: str) -> Sequence[MessageAddress]:
        """Messages that were edited last before this time, by key: a batch of those beyond ``after_key``."""
        columns = (messages.c.key, messages.c.edited_at, messages.c.parent)
        statement = select(*columns).where(messages.c.key > after_key, messages.c.edited_at < before)
        rows = await self._connection.execute(statement.order_by(messages.c.key).limit(PRUNE_BATCH_ROWS))
        return tuple(MessageAddress(key, edited_at, bool(parent)) for key, edited_at, parent in rows)

    async def forget(self, keys: Collection[str], before: datetime) -> int:
        """Delete addresses of messages that were edited last before this time; returns how many.

        One that an unsettled row edits or replies to stays.
        """
        is_needed = exists().where(
            outbox.c.settled_at.is_(None), or_(outbox.c.key == messages.c.key, outbox.c.parent == messages.c.key)
        )
        where = messages.c.key.in_(keys) & (messages.c.edited_at < before) & ~is_needed
        return (await self._connection.execute(delete(messages).where(where))).rowcount
