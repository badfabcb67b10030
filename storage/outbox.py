"""The outbox: what must reach a channel, kept in the transaction of the fact it tells, sent in order, once.

A row ends as delivered, superseded or failed. Between, it is pending, being sent, or of unknown outcome: the connection broke
after the request went out, so Slack is asked before it is sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.outbox_messages import OutboxMessage, dump
from storage.outbox_queue import EDIT_BUDGET, SEND_CLAIM_TIMEOUT, OutboxState, RateLimits, post_budget, select_next
from storage.tables.core import budgets, messages, outbox
from storage.upsert import insert

__all__ = [
    "EDIT_BUDGET",
    "FILE_NOT_UPLOADED",
    "SEND_CLAIM_TIMEOUT",
    "FailedMessage",
    "Outbox",
    "OutboxRow",
    "OutboxState",
    "RateLimits",
    "post_budget",
]

FILE_NOT_UPLOADED = "not uploaded"
"""Stands for the id of a file whose upload was not begun yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A row that this replica may send now. ``ts`` is set where the message exists already: then it is an edit.

    ``attempts`` counts this one. ``file_id`` is empty, or ``FILE_WANTED``, or the id of a file whose upload was begun.
    """

    id: int
    key: str
    stream: str
    channel: str
    kind: str
    version: int
    fact: str
    attempts: int
    created_at: datetime
    ts: str
    parent_ts: str
    outcome_unknown: bool
    """An earlier attempt may have arrived: look before sending again."""
    file_id: str = ""
    parent: str = ""

    @property
    def budget(self) -> str:
        """The name of the budget that sending this row spends."""
        return EDIT_BUDGET if self.ts else post_budget(self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessage:
    """A message that will never arrive, and why."""

    key: str
    channel: str
    error: str
    at: datetime


class Outbox:
    """The outbox's rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, message: OutboxMessage, *, at: datetime) -> None:
        """Add a message. A card replaces what of it was not sent yet; a reply that is there already is not said twice."""
        low_priority = message.low_priority
        if message.card:
            is_pending = (outbox.c.key == message.key) & (outbox.c.state == OutboxState.PENDING)
            supersede = (
                update(outbox)
                .where(is_pending)
                .values(state=OutboxState.SUPERSEDED, settled_at=at)
                .returning(outbox.c.low_priority)
            )
            superseded_low_priority = (await self._connection.execute(supersede)).scalars().all()
            low_priority = low_priority and all(
                superseded_low_priority
            )  # what it replaces was not to wait, so it does not either
        elif await self._exists(message.key):
            return
        await self._connection.execute(outbox.insert().values(**_columns(message, at) | {"low_priority": low_priority}))

    async def claim(self, replica: str, at: datetime, limits: RateLimits) -> OutboxRow | None:
        """The next row that may go out now, with its budget taken; None where nothing may."""
        candidate = (await self._connection.execute(select_next(at, limits))).mappings().one_or_none()
        if candidate is None or not await self._spend_budget(candidate, at, limits):
            return None
        attempts = candidate["attempts"] + 1
        values = {"state": OutboxState.SENDING, "claimed_by": replica, "attempted_at": at, "attempts": attempts}
        await self._connection.execute(update(outbox).where(outbox.c.id == candidate["id"]).values(**values))
        return _read(candidate, attempts)

    async def mark_delivered(self, row: OutboxRow, channel: str, ts: str, at: datetime) -> bool:
        """Slack has it, under this address. False where the row was taken from this replica in the meantime."""
        if not await self._settle(row, OutboxState.DELIVERED, at):
            return False
        await self._save_address(row, channel, ts, at)
        return True

    async def mark_message_sent(self, row: OutboxRow, channel: str, ts: str, at: datetime) -> bool:
        """Slack has the message, under this address; the file that belongs to it is still to come. False as above."""
        if not await self.mark_file_started(row, FILE_NOT_UPLOADED, at):
            return False
        await self._save_address(row, channel, ts, at)
        return True

    async def mark_file_started(self, row: OutboxRow, file_id: str, at: datetime) -> bool:
        """Slack named the file; whether its upload ended can be looked up under this id. False as above.

        The row is under way anew from here: each of its stages has the time of one.
        """
        return await self._update_if_current(row, file_id=file_id, attempted_at=at)

    async def mark_failed(self, row: OutboxRow, error: str, at: datetime) -> None:
        """It will never arrive. Replies that wait for it cannot either, and say so."""
        if not await self._settle(row, OutboxState.FAILED, at, error) or await self.address(row.key) is not None:
            return
        orphans = (outbox.c.parent == row.key) & outbox.c.settled_at.is_(None)
        values = {"state": OutboxState.FAILED, "settled_at": at, "error": f"its parent failed: {error}"}
        await self._connection.execute(update(outbox).where(orphans).values(**values))

    async def retry_later(self, row: OutboxRow, not_before: datetime, error: str, *, outcome_unknown: bool = False) -> None:
        """Try once more, not before then. ``uncertain`` where it may have arrived, this time or earlier."""
        state = OutboxState.UNKNOWN if outcome_unknown else OutboxState.PENDING
        await self._update_if_current(row, state=state, not_before=not_before, error=error)

    async def has_newer_card(self, row: OutboxRow) -> bool:
        """Whether a later picture of the same card is already there, so that this one need not be tried again."""
        is_newer = (outbox.c.key == row.key) & (outbox.c.id > row.id) & outbox.c.settled_at.is_(None)
        return bool((await self._connection.execute(select(exists().where(is_newer)))).scalar_one())

    async def mark_superseded(self, row: OutboxRow, at: datetime) -> None:
        """A newer picture tells more."""
        await self._settle(row, OutboxState.SUPERSEDED, at)

    async def block_budget(self, key: str, until: datetime) -> None:
        """Slack said how long to wait: nobody spends this budget before then."""
        statement = insert(self._connection, budgets).values(key=key, available_at=until)
        is_earlier = budgets.c.available_at < until
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["key"], set_={"available_at": until}, where=is_earlier)
        )

    async def move_stream(self, stream: str, channel: str) -> None:
        """Send the rest of a stream to another channel.

        Messages of it that are in the old channel stay there: what would edit one is posted anew, and what would reply to one
        is posted beside it.
        """
        where = (outbox.c.stream == stream) & outbox.c.settled_at.is_(None)
        message_keys = select(outbox.c.key).where(where).union(select(outbox.c.parent).where(where))
        await self._connection.execute(update(outbox).where(where).values(channel=channel))
        await self._connection.execute(update(messages).where(messages.c.key.in_(message_keys)).values(channel=channel, ts=""))

    async def oldest_unsettled(self) -> datetime | None:
        """When the oldest row that could already have gone out was put there; None where nothing waits."""
        where = outbox.c.settled_at.is_(None)
        oldest: datetime | None = (
            await self._connection.execute(select(func.min(outbox.c.created_at)).where(where))
        ).scalar_one()
        return oldest

    async def count_by_state(self) -> Mapping[str, int]:
        """Rows by state."""
        rows = await self._connection.execute(select(outbox.c.state, func.count().label("number")).group_by(outbox.c.state))
        return {row.state: row.number for row in rows}

    async def failed_messages(self, *, since: datetime, limit: int = 20) -> tuple[FailedMessage, ...]:
        """What failed, newest first."""
        columns = (outbox.c.key, outbox.c.channel, outbox.c.error, outbox.c.settled_at.label("at"))
        where = (outbox.c.state == OutboxState.FAILED) & (outbox.c.settled_at >= since)
        statement = select(*columns).where(where).order_by(outbox.c.settled_at.desc(), outbox.c.id.desc()).limit(limit)
        return tuple(FailedMessage(**row) for row in (await self._connection.execute(statement)).mappings())

    async def next_due(self) -> datetime | None:
        """When the next pending row becomes due; it may still wait for others."""
        where = outbox.c.settled_at.is_(None)
        due_at: datetime | None = (
            await self._connection.execute(select(func.min(outbox.c.not_before)).where(where))
        ).scalar_one()
        return due_at

    async def address(self, key: str) -> tuple[str, str] | None:
        """Channel and ts of a logical message, once it is delivered."""
        statement = select(messages.c.channel, messages.c.ts).where(messages.c.key == key, messages.c.ts != "")
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else (row.channel, row.ts)

    async def release_dead_claims(self, live_replicas: frozenset[str]) -> None:
        """What replicas other than these had under way when they died has an unknown outcome."""
        where = (outbox.c.state == OutboxState.SENDING) & outbox.c.claimed_by.not_in(live_replicas)
        await self._connection.execute(update(outbox).where(where).values(state=OutboxState.UNKNOWN))

    async def prune(self, before: datetime) -> None:
        """Drop rows that were settled long ago; what failed stays to be seen."""
        await self._connection.execute(
            delete(outbox).where((outbox.c.settled_at < before) & (outbox.c.state != OutboxState.FAILED))
        )

    async def _exists(self, key: str) -> bool:
        return bool((await self._connection.execute(select(exists().where(outbox.c.key == key)))).scalar_one())

    async def _save_address(self, row: OutboxRow, channel: str, ts: str, at: datetime) -> None:
        values = {"key": row.key, "channel": channel, "ts": ts, "parent": row.parent, "edited_at": at}
        statement = insert(self._connection, messages).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))

    async def _settle(self, row: OutboxRow, state: OutboxState, at: datetime, error: str = "") -> bool:
        return await self._update_if_current(row, state=state, settled_at=at, error=error)

    async def _update_if_current(self, row: OutboxRow, **values: object) -> bool:
        """Write to the row if this attempt is still the last one: a replica that slept may not undo what another did."""
        where = (outbox.c.id == row.id) & (outbox.c.attempts == row.attempts) & outbox.c.settled_at.is_(None)
        return (await self._connection.execute(update(outbox).where(where).values(**values))).rowcount == 1

    async def _spend_budget(self, candidate: Mapping[str, Any], at: datetime, limits: RateLimits) -> bool:
        """Spend one message of the channel's budget, or one edit of the workspace's. False where another replica was faster."""
        key, interval, burst_allowance = (
            (EDIT_BUDGET, limits.edit_interval, limits.edit_interval * limits.edit_burst)
            if candidate["ts"]
            else (post_budget(candidate["target_channel"]), limits.post_interval, timedelta())
        )
        await self._connection.execute(
            insert(self._connection, budgets).values(key=key, available_at=at).on_conflict_do_nothing()
        )
        available_at = (
            await self._connection.execute(select(budgets.c.available_at).where(budgets.c.key == key).with_for_update())
        ).scalar_one()
        if available_at > at + burst_allowance:
            return False
        await self._connection.execute(
            update(budgets).where(budgets.c.key == key).values(available_at=max(available_at, at) + interval)
        )
        return True


def _columns(message: OutboxMessage, at: datetime) -> dict[str, object]:
    return {
        "key": message.key,
        "stream": message.stream,
        "parent": message.parent,
        "channel": message.channel,
        "urgency": int(message.urgency),
        "low_priority": message.low_priority,
        "kind": message.kind.name,
        "version": message.kind.version,
        "fact": dump(message.fact),
        "state": OutboxState.PENDING,
        "not_before": at,
        "created_at": at,
    }


def _read(row: Mapping[str, Any], attempts: int) -> OutboxRow:
    return OutboxRow(
        id=row["id"],
        key=row["key"],
        stream=row["stream"],
        channel=row["target_channel"],
        kind=row["kind"],
        version=row["version"],
        fact=row["fact"],
        attempts=attempts,
        created_at=row["created_at"],
        ts=row["ts"] or "",
        parent_ts=row["parent_ts"] or "",
        outcome_unknown=row["state"] != OutboxState.PENDING,
        file_id=row["file_id"],
        parent=row["parent"],
    )
