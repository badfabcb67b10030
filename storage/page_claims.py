"""Which message of a page is sent next. The claim looks at the page again, under its lock, and at the destination's bucket."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clock import CLOCK_TOLERANCE
from domain.paging.buckets import Limit, decide, room_in
from domain.paging.messages import ClaimedMessage, MessageState
from domain.paging.pages import Page, PageState
from domain.paging.ways import PageAction
from storage.page_messages import MIRROR_RANK, PageMessageRepository, read_message
from storage.pages import PageRepository
from storage.tables.paging import page_messages

MESSAGE_CLAIM_TIMEOUT = timedelta(seconds=60)
"""A message that is being sent for this long belongs to a replica that died."""
BUNDLE_ID_PREFIX = "pb"
MAX_BUNDLE = 10_000
_CLAIM_LOCK_KEY = 0x0DEE_9EC1
"""Key of PostgreSQL's advisory lock for claims: two replicas must not both take the last place of a bucket."""
_MAX_SKIPPED = 50
"""Messages that one claim may put aside before others have their turn."""

_earlier = page_messages.alias("earlier")
_is_trigger = page_messages.c.action == PageAction.TRIGGER


@dataclass(frozen=True, slots=True)
class Claimer:
    """Who claims: a replica, with the limits of each way. ``busy_ways`` are not claimed now."""

    replica: str
    limits: Mapping[str, Sequence[Limit]]
    busy_ways: Collection[str] = ()


class PageClaims:
    """Claims on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._messages = PageMessageRepository(connection)
        self._pages = PageRepository(connection)

    async def claim(self, claimer: Claimer, at: datetime) -> ClaimedMessage | None:
        """Claim the next message that may be sent now; None without one.

        What no longer has to be sent is marked so on the way.
        """
        await self._lock()
        skipped: list[int] = []
        while len(skipped) < _MAX_SKIPPED:
            row = (await self._connection.execute(_select_next(claimer, at, skipped))).mappings().one_or_none()
            if row is None:
                return None
            claimed = await self._claim_row(row, claimer, at)
            if claimed is not None:
                return claimed
            skipped.append(row["id"])
        return None

    async def next_due(self, at: datetime) -> datetime | None:
        """When a message may have to be sent; None without one."""
        where = page_messages.c.settled_at.is_(None) & (page_messages.c.state == MessageState.PENDING)
        statement = select(func.min(page_messages.c.not_before)).where(where)
        due_at: datetime | None = (await self._connection.execute(statement)).scalar_one()
        return min(due_at, at) if due_at is not None and due_at <= at else due_at

    async def abandoned(self, live_replicas: frozenset[str], at: datetime) -> tuple[ClaimedMessage, ...]:
        """Messages that dead replicas were sending: nobody knows whether they were sent."""
        is_old = page_messages.c.attempted_at < at - MESSAGE_CLAIM_TIMEOUT
        is_dead = is_old | page_messages.c.claimed_by.not_in(tuple(live_replicas))
        is_own_message = (page_messages.c.bundle == "") | page_messages.c.carries
        where = page_messages.c.settled_at.is_(None) & (page_messages.c.state == MessageState.SENDING) & is_dead & is_own_message
        rows = (await self._connection.execute(select(page_messages).where(where).limit(100))).mappings().all()
        found = [(row, await self._pages.get(row["page_id"])) for row in rows]
        return tuple([await self._claimed(row, page, row["attempts"]) for row, page in found if page is not None])

    async def _lock(self) -> None:
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text(f"SELECT pg_advisory_xact_lock({_CLAIM_LOCK_KEY})"))

    async def _claim_row(self, row: Mapping[Any, Any], claimer: Claimer, at: datetime) -> ClaimedMessage | None:
        page = await self._pages.lock_free(row["page_id"])
        if page is None:
            # Its page is being acknowledged, or changed otherwise, at this moment: waiting for that could be a deadlock.
            return None
        if not await self._is_needed(row, page):
            await self._settle(row, MessageState.STOPPED, at)
            return None
        if row["attempts"] or row["action"] != PageAction.TRIGGER or page.request.is_test:
            return await self._begin(row, page, claimer, at)
        return await self._within_bucket(row, page, claimer, at)

    async def _is_needed(self, row: Mapping[Any, Any], page: Page) -> bool:
        """Whether there is still something to call for; or, of a mirrored acknowledgement, whether the pager has been called."""
        if row["action"] == PageAction.TRIGGER:
            return page.state in (PageState.OPEN, PageState.UNANSWERED)
        called = page_messages.c.state.in_(
            (MessageState.SENT, MessageState.DELIVERED, MessageState.UNCERTAIN, MessageState.STOPPED)
        )
        where = _same_destination(row) & (page_messages.c.dedup_key == row["dedup_key"]) & _is_trigger & called
        return bool((await self._connection.execute(select(exists().where(where & (page_messages.c.attempts > 0))))).scalar_one())

    async def _within_bucket(self, row: Mapping[Any, Any], page: Page, claimer: Claimer, at: datetime) -> ClaimedMessage | None:
        limits = claimer.limits.get(row["way"], ())
        longest = max((limit.span for limit in limits), default=timedelta())
        is_own_message = (page_messages.c.bundle == "") | page_messages.c.carries
        sent = _same_destination(row) & _is_trigger & is_own_message & (page_messages.c.attempted_at > at - longest)
        sent_rows = await self._connection.execute(select(page_messages.c.attempted_at, page_messages.c.urgent).where(sent))
        sent_at = [(each_at, urgent) for each_at, urgent in sent_rows]
        waiting, oldest_at = (await self._connection.execute(_waiting_for(row))).one()
        urgent_sent = sum(urgent and each_at > at - timedelta(minutes=1) for each_at, urgent in sent_at)
        room = room_in(limits, [each_at for each_at, _ in sent_at], at)
        decision = decide(room, waiting, oldest_at, at, urgent=row["urgent"], urgent_sent=urgent_sent)
        if decision.wait_until is not None:
            await self._hold_back(row, decision.wait_until, is_storm=row["urgent"])
            return None
        return await (self._begin_bundle if decision.bundled else self._begin)(row, page, claimer, at)

    async def _begin(self, row: Mapping[Any, Any], page: Page, claimer: Claimer, at: datetime) -> ClaimedMessage:
        name = page_messages.c.bundle == row["bundle"] if row["bundle"] else page_messages.c.id == row["id"]
        pending = name & (page_messages.c.state == MessageState.PENDING)
        await self._connection.execute(update(page_messages).where(pending).values(**_sending(claimer, row, at)))
        return await self._claimed(row, page, row["attempts"] + 1)

    async def _begin_bundle(self, row: Mapping[Any, Any], page: Page, claimer: Claimer, at: datetime) -> ClaimedMessage:
        """One message for all that wait for the destination. Rows that another transaction holds stay out of it."""
        candidates = select(page_messages.c.id).where(_is_bundled_with(row)).with_for_update(skip_locked=True, of=page_messages)
        ids = (await self._connection.execute(candidates.limit(MAX_BUNDLE))).scalars().all()
        bundle = f"{BUNDLE_ID_PREFIX}-{hashlib.sha256(row['key'].encode()).hexdigest()[:8]}"
        values = {"bundle": bundle, "dedup_key": bundle}
        for start in range(0, len(ids), 500):
            chunk = page_messages.c.id.in_(ids[start : start + 500])
            await self._connection.execute(update(page_messages).where(chunk).values(**values))
        carrier = update(page_messages).where(page_messages.c.id == row["id"])
        await self._connection.execute(carrier.values(**values, carries=True))
        return await self._begin({**row, **values, "carries": True}, page, claimer, at)

    async def _claimed(self, row: Mapping[Any, Any], page: Page, attempts: int) -> ClaimedMessage:
        message = read_message(row)
        call = await self._messages.call(message, page)
        return ClaimedMessage(message=message, call=call, attempts=attempts, created_at=row["created_at"])

    async def _settle(self, row: Mapping[Any, Any], state: MessageState, at: datetime) -> None:
        values = {"state": state, "settled_at": at, "noted": True}
        await self._connection.execute(update(page_messages).where(page_messages.c.id == row["id"]).values(**values))

    async def _hold_back(self, row: Mapping[Any, Any], until: datetime, *, is_storm: bool) -> None:
        """Let all that wait for the destination wait until then; first pages of P0s only where they are the storm."""
        where = _is_bundled_with(row) | (page_messages.c.id == row["id"])
        where = where if is_storm else where & ~page_messages.c.urgent
        await self._connection.execute(update(page_messages).where(where).values(not_before=until))


def _select_next(claimer: Claimer, at: datetime, skipped: Sequence[int]) -> Any:
    """The most severe message that is due. What a pager is told of an end comes after what it was told before."""
    is_due = or_(
        page_messages.c.not_before <= at,
        func.coalesce(page_messages.c.attempted_at, page_messages.c.created_at) > at + CLOCK_TOLERANCE,
    )
    is_carried = (page_messages.c.bundle != "") & ~page_messages.c.carries
    has_earlier = exists().where(
        _earlier.c.settled_at.is_(None),
        _earlier.c.dedup_key == page_messages.c.dedup_key,
        _earlier.c.way == page_messages.c.way,
        _earlier.c.destination == page_messages.c.destination,
        _earlier.c.id < page_messages.c.id,
    )
    return (
        select(page_messages)
        .where(
            page_messages.c.settled_at.is_(None),
            page_messages.c.state == MessageState.PENDING,
            is_due,
            ~is_carried,
            page_messages.c.id.not_in(tuple(skipped)),
            page_messages.c.way.not_in(tuple(claimer.busy_ways)),
            or_(_is_trigger, ~has_earlier),
        )
        .order_by(page_messages.c.rank, page_messages.c.id)
        .limit(1)
        .with_for_update(of=page_messages, skip_locked=True)
    )


def _same_destination(row: Mapping[Any, Any]) -> ColumnElement[bool]:
    return and_(page_messages.c.way == row["way"], page_messages.c.destination == row["destination"])


def _is_bundled_with(row: Mapping[Any, Any]) -> ColumnElement[bool]:
    """What may be announced by the same message: not tried yet, and to the same destination."""
    return and_(
        _same_destination(row),
        page_messages.c.settled_at.is_(None),
        page_messages.c.state == MessageState.PENDING,
        page_messages.c.attempts == 0,
        page_messages.c.bundle == "",
        page_messages.c.rank < MIRROR_RANK,
        _is_trigger,
    )


def _waiting_for(row: Mapping[Any, Any]) -> Any:
    return select(func.count(), func.min(page_messages.c.created_at)).where(_is_bundled_with(row))


def _sending(claimer: Claimer, row: Mapping[Any, Any], at: datetime) -> dict[str, Any]:
    return {
        "state": MessageState.SENDING,
        "claimed_by": claimer.replica,
        "attempted_at": at,
        "attempts": row["attempts"] + 1,
    }
