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

from storage.outbox_messages import Outgoing, dump
from storage.outbox_queue import EDITS, STALE, Pace, RowState, next_row, post_budget
from storage.tables import budgets, messages, outbox
from storage.upsert import insert

__all__ = ["EDITS", "FILE_WANTED", "STALE", "Failure", "Outbox", "OutboxRow", "Pace", "RowState", "post_budget"]

FILE_WANTED = "wanted"
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
    uncertain: bool
    """An earlier attempt may have arrived: look before sending again."""
    file_id: str = ""
    parent: str = ""

    @property
    def budget(self) -> str:
        """The name of the budget that sending this row spends."""
        return EDITS if self.ts else post_budget(self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A message that will never arrive, and why."""

    key: str
    channel: str
    error: str
    at: datetime


class Outbox:
    """The outbox's rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, message: Outgoing, *, at: datetime) -> None:
        """Add a message. A card replaces what of it was not sent yet; a reply that is there already is not said twice."""
        quiet = message.quiet
        if message.card:
            old = (outbox.c.key == message.key) & (outbox.c.state == RowState.PENDING)
            replace = update(outbox).where(old).values(state=RowState.SUPERSEDED, settled_at=at).returning(outbox.c.quiet)
            replaced = (await self._connection.execute(replace)).scalars().all()
            quiet = quiet and all(replaced)  # what it replaces was not to wait, so it does not either
        elif await self._exists(message.key):
            return
        await self._connection.execute(outbox.insert().values(**_columns(message, at) | {"quiet": quiet}))

    async def claim(self, replica: str, at: datetime, pace: Pace) -> OutboxRow | None:
        """The next row that may go out now, with its budget taken; None where nothing may."""
        found = (await self._connection.execute(next_row(at, pace))).mappings().one_or_none()
        if found is None or not await self._take_budget(found, at, pace):
            return None
        attempts = found["attempts"] + 1
        values = {"state": RowState.SENDING, "taken_by": replica, "tried_at": at, "attempts": attempts}
        await self._connection.execute(update(outbox).where(outbox.c.id == found["id"]).values(**values))
        return _read(found, attempts)

    async def delivered(self, row: OutboxRow, channel: str, ts: str, at: datetime) -> bool:
        """Slack has it, under this address. False where the row was taken from this replica in the meantime."""
        if not await self._settle(row, RowState.DELIVERED, at):
            return False
        await self._address_is(row, channel, ts, at)
        return True

    async def arrived(self, row: OutboxRow, channel: str, ts: str, at: datetime) -> bool:
        """Slack has the message, under this address; the file that belongs to it is still to come. False as above."""
        if not await self.file_begun(row, FILE_WANTED, at):
            return False
        await self._address_is(row, channel, ts, at)
        return True

    async def file_begun(self, row: OutboxRow, file_id: str, at: datetime) -> bool:
        """Slack named the file; whether its upload ended can be looked up under this id. False as above.

        The row is under way anew from here: each of its stages has the time of one.
        """
        return await self._change(row, file_id=file_id, tried_at=at)

    async def failed(self, row: OutboxRow, error: str, at: datetime) -> None:
        """It will never arrive. Replies that wait for it cannot either, and say so."""
        if not await self._settle(row, RowState.FAILED, at, error) or await self.address(row.key) is not None:
            return
        orphans = (outbox.c.parent == row.key) & outbox.c.settled_at.is_(None)
        values = {"state": RowState.FAILED, "settled_at": at, "error": f"its parent failed: {error}"}
        await self._connection.execute(update(outbox).where(orphans).values(**values))

    async def again(self, row: OutboxRow, not_before: datetime, error: str, *, uncertain: bool = False) -> None:
        """Try once more, not before then. ``uncertain`` where it may have arrived, this time or earlier."""
        state = RowState.UNKNOWN if uncertain else RowState.PENDING
        await self._change(row, state=state, not_before=not_before, error=error)

    async def newer_card_waits(self, row: OutboxRow) -> bool:
        """Whether a later picture of the same card is already there, so that this one need not be tried again."""
        later = (outbox.c.key == row.key) & (outbox.c.id > row.id) & outbox.c.settled_at.is_(None)
        return bool((await self._connection.execute(select(exists().where(later)))).scalar_one())

    async def superseded(self, row: OutboxRow, at: datetime) -> None:
        """A newer picture tells more."""
        await self._settle(row, RowState.SUPERSEDED, at)

    async def hold(self, key: str, until: datetime) -> None:
        """Slack said how long to wait: nobody spends this budget before then."""
        statement = insert(self._connection, budgets).values(key=key, free_at=until)
        later = budgets.c.free_at < until
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["key"], set_={"free_at": until}, where=later)
        )

    async def move(self, stream: str, channel: str) -> None:
        """Send the rest of a stream to another channel.

        Messages of it that are in the old channel stay there: what would edit one is posted anew, and what would reply to one
        is posted beside it.
        """
        where = (outbox.c.stream == stream) & outbox.c.settled_at.is_(None)
        names = select(outbox.c.key).where(where).union(select(outbox.c.parent).where(where))
        await self._connection.execute(update(outbox).where(where).values(channel=channel))
        await self._connection.execute(update(messages).where(messages.c.key.in_(names)).values(channel=channel, ts=""))

    async def oldest_unsettled(self) -> datetime | None:
        """When the oldest row that could already have gone out was put there; None where nothing waits."""
        where = outbox.c.settled_at.is_(None)
        found: datetime | None = (await self._connection.execute(select(func.min(outbox.c.created_at)).where(where))).scalar_one()
        return found

    async def counts(self) -> Mapping[str, int]:
        """Rows by state."""
        rows = await self._connection.execute(select(outbox.c.state, func.count().label("number")).group_by(outbox.c.state))
        return {row.state: row.number for row in rows}

    async def failures(self, *, since: datetime, limit: int = 20) -> tuple[Failure, ...]:
        """What failed, newest first."""
        columns = (outbox.c.key, outbox.c.channel, outbox.c.error, outbox.c.settled_at.label("at"))
        where = (outbox.c.state == RowState.FAILED) & (outbox.c.settled_at >= since)
        statement = select(*columns).where(where).order_by(outbox.c.settled_at.desc(), outbox.c.id.desc()).limit(limit)
        return tuple(Failure(**row) for row in (await self._connection.execute(statement)).mappings())

    async def next_due(self) -> datetime | None:
        """When the next pending row becomes due; it may still wait for others."""
        where = outbox.c.settled_at.is_(None)
        found: datetime | None = (await self._connection.execute(select(func.min(outbox.c.not_before)).where(where))).scalar_one()
        return found

    async def address(self, key: str) -> tuple[str, str] | None:
        """Channel and ts of a logical message, once it is delivered."""
        statement = select(messages.c.channel, messages.c.ts).where(messages.c.key == key, messages.c.ts != "")
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else (row.channel, row.ts)

    async def abandon(self, replicas: frozenset[str]) -> None:
        """What replicas other than these had under way when they died has an unknown outcome."""
        where = (outbox.c.state == RowState.SENDING) & outbox.c.taken_by.not_in(replicas)
        await self._connection.execute(update(outbox).where(where).values(state=RowState.UNKNOWN))

    async def prune(self, before: datetime) -> None:
        """Drop rows that were settled long ago; what failed stays to be seen."""
        await self._connection.execute(delete(outbox).where((outbox.c.settled_at < before) & (outbox.c.state != RowState.FAILED)))

    async def _exists(self, key: str) -> bool:
        return bool((await self._connection.execute(select(exists().where(outbox.c.key == key)))).scalar_one())

    async def _address_is(self, row: OutboxRow, channel: str, ts: str, at: datetime) -> None:
        values = {"key": row.key, "channel": channel, "ts": ts, "parent": row.parent, "edited_at": at}
        statement = insert(self._connection, messages).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))

    async def _settle(self, row: OutboxRow, state: RowState, at: datetime, error: str = "") -> bool:
        return await self._change(row, state=state, settled_at=at, error=error)

    async def _change(self, row: OutboxRow, **values: object) -> bool:
        """Write to the row if this attempt is still the last one: a replica that slept may not undo what another did."""
        where = (outbox.c.id == row.id) & (outbox.c.attempts == row.attempts) & outbox.c.settled_at.is_(None)
        return (await self._connection.execute(update(outbox).where(where).values(**values))).rowcount == 1

    async def _take_budget(self, found: Mapping[str, Any], at: datetime, pace: Pace) -> bool:
        """Spend one message of the channel's budget, or one edit of the workspace's. False where another replica was faster."""
        key, interval, slack = (
            (EDITS, pace.edit, pace.edit * pace.edits_at_once)
            if found["ts"]
            else (post_budget(found["where_to"]), pace.post, timedelta())
        )
        await self._connection.execute(insert(self._connection, budgets).values(key=key, free_at=at).on_conflict_do_nothing())
        free_at = (
            await self._connection.execute(select(budgets.c.free_at).where(budgets.c.key == key).with_for_update())
        ).scalar_one()
        if free_at > at + slack:
            return False
        await self._connection.execute(update(budgets).where(budgets.c.key == key).values(free_at=max(free_at, at) + interval))
        return True


def _columns(message: Outgoing, at: datetime) -> dict[str, object]:
    return {
        "key": message.key,
        "stream": message.stream,
        "parent": message.parent,
        "channel": message.channel,
        "urgency": int(message.urgency),
        "quiet": message.quiet,
        "kind": message.kind.name,
        "version": message.kind.version,
        "fact": dump(message.fact),
        "state": RowState.PENDING,
        "not_before": at,
        "created_at": at,
    }


def _read(row: Mapping[str, Any], attempts: int) -> OutboxRow:
    return OutboxRow(
        id=row["id"],
        key=row["key"],
        stream=row["stream"],
        channel=row["where_to"],
        kind=row["kind"],
        version=row["version"],
        fact=row["fact"],
        attempts=attempts,
        created_at=row["created_at"],
        ts=row["ts"] or "",
        parent_ts=row["parent_ts"] or "",
        uncertain=row["state"] != RowState.PENDING,
        file_id=row["file_id"],
        parent=row["parent"],
    )
