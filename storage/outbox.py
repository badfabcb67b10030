"""The outbox: messages to Slack, stored in the transaction of the change that they report, and sent in order and once.

A row ends as delivered, superseded or failed. Before that it is pending, being sent, or of unknown outcome: the connection broke
after the request was sent, so the worker looks in Slack before it sends the message again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clock import CLOCK_TOLERANCE
from storage.outbox_budgets import spend_budget
from storage.outbox_messages import OutboxMessage, dump
from storage.outbox_queue import EDIT_BUDGET, SEND_CLAIM_TIMEOUT, OutboxState, RateLimits, is_due, post_budget, select_next
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
"""Value of ``file_id`` before the upload of the row's file has started."""

_CONTENT_COLUMNS = ("key", "stream", "parent", "channel", "urgency", "low_priority", "kind", "version", "fact")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A row that this replica has claimed. ``ts`` is set if the message exists in Slack: then it is edited.

    ``attempts`` includes the present one. ``file_id`` is empty, ``FILE_NOT_UPLOADED``, or the id of a file whose upload started.
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
    """An earlier attempt may have reached Slack: look there before sending again."""
    file_id: str = ""
    parent: str = ""

    @property
    def budget(self) -> str:
        """The key of the rate budget that sending this row spends."""
        return EDIT_BUDGET if self.ts else post_budget(self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessage:
    """A message that will never be delivered, and why."""

    key: str
    channel: str
    error: str
    at: datetime


class Outbox:
    """The outbox's rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, message: OutboxMessage, *, at: datetime) -> bool:
        """Add a message. A card supersedes its own unsent version. Returns False for a reply whose key exists already."""
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
            # The new version also shows what the superseded one reported, so it must not wait where that one did not.
            low_priority = low_priority and all(superseded_low_priority)
        elif await self._exists(message.key):
            return False
        await self._connection.execute(outbox.insert().values(**_columns(message, at) | {"low_priority": low_priority}))
        return True

    async def withdraw(self, key: str, at: datetime) -> bool:
        """Do not send a message. False if none waits that Slack does not have for certain: it was sent, or may have been."""
        if await self.address(key) is not None:
            return False
        is_pending = (outbox.c.key == key) & (outbox.c.state == OutboxState.PENDING)
        withdraw = update(outbox).where(is_pending).values(state=OutboxState.SUPERSEDED, settled_at=at)
        return bool((await self._connection.execute(withdraw)).rowcount)

    async def claim(self, replica: str, at: datetime, limits: RateLimits, in_progress: Collection[int] = ()) -> OutboxRow | None:
        """Claim the next row that may be sent now and spend its rate budget; None without such a row.

        ``in_progress``: rows that this process is sending, which it does not claim again.
        """
        candidate = (await self._connection.execute(select_next(at, limits, in_progress))).mappings().one_or_none()
        if candidate is None or not await spend_budget(self._connection, candidate, at, limits):
            return None
        attempts = candidate["attempts"] + 1
        values = {"state": OutboxState.SENDING, "claimed_by": replica, "attempted_at": at, "attempts": attempts}
        await self._connection.execute(update(outbox).where(outbox.c.id == candidate["id"]).values(**values))
        return _read(candidate, attempts)

    async def mark_delivered(self, row: OutboxRow, channel: str, ts: str, at: datetime) -> bool:
        """Record that Slack has the message, and its address. False if another replica has claimed the row since."""
        if not await self._settle(row, OutboxState.DELIVERED, at):
            return False
        await self._save_address(row, channel, ts, at)
        return True

    async def mark_message_sent(self, row: OutboxRow, channel: str, ts: str, at: datetime) -> bool:
        """Record the address of a message whose file is still to be uploaded. False as for ``mark_delivered``."""
        if not await self.mark_file_started(row, FILE_NOT_UPLOADED, at):
            return False
        await self._save_address(row, channel, ts, at)
        return True

    async def mark_file_started(self, row: OutboxRow, file_id: str, at: datetime) -> bool:
        """Record the id that Slack gave the file: it tells later whether the upload ended. False as for ``mark_delivered``.

        The claim's timeout starts again, so that each stage of the row has all of ``SEND_CLAIM_TIMEOUT``.
        """
        return await self._update_if_current(row, file_id=file_id, attempted_at=at)

    async def mark_failed(self, row: OutboxRow, error: str, at: datetime) -> None:
        """Record that the message will never be delivered. Replies that wait for it fail with it.

        If an edit fails, the message exists, and its replies go on.
        """
        if not await self._settle(row, OutboxState.FAILED, at, error) or await self.address(row.key) is not None:
            return
        orphans = (outbox.c.parent == row.key) & outbox.c.settled_at.is_(None)
        values = {"state": OutboxState.FAILED, "settled_at": at, "error": f"its parent failed: {error}"}
        await self._connection.execute(update(outbox).where(orphans).values(**values))

    async def retry_later(self, row: OutboxRow, not_before: datetime, error: str, *, outcome_unknown: bool = False) -> None:
        """Let the row be sent again, not before this time. ``outcome_unknown``: Slack may have the message already."""
        state = OutboxState.UNKNOWN if outcome_unknown else OutboxState.PENDING
        await self._update_if_current(row, state=state, not_before=not_before, error=error)

    async def has_newer_card(self, row: OutboxRow) -> bool:
        """Whether a newer version of the same card waits, so that this one need not be sent again."""
        is_newer = (outbox.c.key == row.key) & (outbox.c.id > row.id) & outbox.c.settled_at.is_(None)
        return bool((await self._connection.execute(select(exists().where(is_newer)))).scalar_one())

    async def mark_superseded(self, row: OutboxRow, at: datetime) -> None:
        """Record that a newer version of the card replaces this one."""
        await self._settle(row, OutboxState.SUPERSEDED, at)

    async def block_budget(self, key: str, until: datetime, at: datetime) -> None:
        """Let nobody spend this rate budget before the time that Slack named. A later time that is stored already stays."""
        statement = insert(self._connection, budgets).values(key=key, available_at=until, set_at=at)
        is_earlier = (budgets.c.available_at < until) | (budgets.c.set_at > at + CLOCK_TOLERANCE)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["key"], set_={"available_at": until, "set_at": at}, where=is_earlier)
        )

    async def move_stream(self, stream: str, channel: str) -> None:
        """Send the rest of a stream to another channel.

        Its messages in the old channel stay there: an edit of one becomes a new message, and a reply to one is posted without a
        thread.
        """
        where = (outbox.c.stream == stream) & outbox.c.settled_at.is_(None)
        message_keys = select(outbox.c.key).where(where).union(select(outbox.c.parent).where(where))
        await self._connection.execute(update(outbox).where(where).values(channel=channel))
        await self._connection.execute(update(messages).where(messages.c.key.in_(message_keys)).values(channel=channel, ts=""))

    async def post_anew(self, key: str, at: datetime, *, requeue: bool = True) -> None:
        """Forget where a card is, because Slack no longer has it: its next version becomes a new message.

        ``requeue``: if no version waits, send the last one again. Without any, replies are posted without a thread.
        """
        await self._connection.execute(update(messages).where(messages.c.key == key).values(ts=""))
        newest = select(outbox).where(outbox.c.key == key).order_by(outbox.c.id.desc()).limit(1)
        row = (await self._connection.execute(newest)).mappings().one_or_none()
        if requeue and row is not None and row["settled_at"] is not None:
            values = {name: row[name] for name in _CONTENT_COLUMNS} | {"state": OutboxState.PENDING}
            await self._connection.execute(outbox.insert().values(**values, not_before=at, created_at=at))

    async def oldest_unsettled(self) -> datetime | None:
        """When the oldest row that is not settled was added; None without one."""
        where = outbox.c.settled_at.is_(None)
        oldest: datetime | None = (
            await self._connection.execute(select(func.min(outbox.c.created_at)).where(where))
        ).scalar_one()
        return oldest

    async def count_by_state(self) -> Mapping[str, int]:
        """Number of rows by state."""
        rows = await self._connection.execute(select(outbox.c.state, func.count().label("number")).group_by(outbox.c.state))
        return {row.state: row.number for row in rows}

    async def failed_messages(self, *, since: datetime, limit: int = 20) -> tuple[FailedMessage, ...]:
        """Messages that failed, newest first."""
        columns = (outbox.c.key, outbox.c.channel, outbox.c.error, outbox.c.settled_at.label("at"))
        where = (outbox.c.state == OutboxState.FAILED) & (outbox.c.settled_at >= since)
        statement = select(*columns).where(where).order_by(outbox.c.settled_at.desc(), outbox.c.id.desc()).limit(limit)
        return tuple(FailedMessage(**row) for row in (await self._connection.execute(statement)).mappings())

    async def next_due(self, at: datetime) -> datetime | None:
        """When the next unsettled row is due; None without one. It may still have to wait for other rows."""
        unsettled = outbox.c.settled_at.is_(None)
        if (await self._connection.execute(select(exists().where(unsettled & is_due(at))))).scalar_one():
            return at
        where = unsettled
        due_at: datetime | None = (
            await self._connection.execute(select(func.min(outbox.c.not_before)).where(where))
        ).scalar_one()
        return due_at

    async def address(self, key: str) -> tuple[str, str] | None:
        """Channel and ts of a message; None before it is delivered."""
        statement = select(messages.c.channel, messages.c.ts).where(messages.c.key == key, messages.c.ts != "")
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else (row.channel, row.ts)

    async def release_dead_claims(self, live_replicas: frozenset[str]) -> None:
        """Set the outcome of rows to unknown that replicas other than these were sending when they died."""
        where = (outbox.c.state == OutboxState.SENDING) & outbox.c.claimed_by.not_in(live_replicas)
        await self._connection.execute(update(outbox).where(where).values(state=OutboxState.UNKNOWN))

    async def _exists(self, key: str) -> bool:
        """Whether the message was ever added, also if its row is deleted by now."""
        is_known = or_(exists().where(outbox.c.key == key), exists().where(messages.c.key == key))
        return bool((await self._connection.execute(select(is_known))).scalar_one())

    async def _save_address(self, row: OutboxRow, channel: str, ts: str, at: datetime) -> None:
        values = {"key": row.key, "channel": channel, "ts": ts, "parent": row.parent, "edited_at": at}
        statement = insert(self._connection, messages).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))

    async def _settle(self, row: OutboxRow, state: OutboxState, at: datetime, error: str = "") -> bool:
        return await self._update_if_current(row, state=state, settled_at=at, error=error)

    async def _update_if_current(self, row: OutboxRow, **values: object) -> bool:
        """Update the row if this attempt is still the last one: a replica that was suspended must not undo another's work."""
        where = (outbox.c.id == row.id) & (outbox.c.attempts == row.attempts) & outbox.c.settled_at.is_(None)
        return (await self._connection.execute(update(outbox).where(where).values(**values))).rowcount == 1


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
