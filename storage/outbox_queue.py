"""Which row of the outbox is sent next: order in a stream, parents before replies, urgency between streams, rate budgets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, or_, select

from domain.clock import CLOCK_TOLERANCE
from storage.tables.core import budgets, messages, outbox

SEND_CLAIM_TIMEOUT = timedelta(seconds=60)
"""A row that has been in state SENDING for this long belongs to a replica that died."""


class OutboxState(StrEnum):
    """The state of a row; the last three are final."""

    PENDING = "pending"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How fast the bot writes. Slack allows one new message a second in a channel, and 50 edits a minute (tier 3)."""

    post_interval: timedelta = timedelta(seconds=1)
    edit_interval: timedelta = timedelta(seconds=1.2)
    edit_burst: int = 10
    low_priority_interval: timedelta = timedelta(seconds=3)
    """Minimum time between edits of a card whose numbers alone change."""


EDIT_BUDGET = "edit"
"""Key of the rate budget of ``chat.update``, which Slack counts for the whole workspace."""


def post_budget(channel: str) -> str:
    """Key of the rate budget of new messages in a channel."""
    return f"post/{channel}"


def is_due(at: datetime) -> ColumnElement[bool]:
    """Whether a row may be sent: its time has come, or the clock was set back since it was put or tried."""
    last_touched_at = func.coalesce(outbox.c.attempted_at, outbox.c.created_at)
    return or_(outbox.c.not_before <= at, last_touched_at > at + CLOCK_TOLERANCE)


_parents = messages.alias("parents")
_parent_addresses = messages.alias("parent_addresses")
_earlier = outbox.alias("earlier")
_parent_rows = outbox.alias("parent_rows")
_target_channel = func.coalesce(messages.c.channel, _parents.c.channel, outbox.c.channel)
_is_edit = func.coalesce(messages.c.ts, "") != ""


def select_next(at: datetime, limits: RateLimits, in_progress: Collection[int] = ()) -> Select[Any]:
    """Select the most urgent row that is due, first in its stream, and within its rate budget.

    ``in_progress``: rows that this process is sending. A clock that is set forward makes their claims look old.
    """
    # The replica that was sending such a row died. Its outcome is unknown; ``mark_delivered`` of a late survivor is refused.
    claim_expired = (
        (outbox.c.state == OutboxState.SENDING)
        & (outbox.c.attempted_at < at - SEND_CLAIM_TIMEOUT)
        & outbox.c.id.not_in(tuple(in_progress))
    )
    is_sendable = or_(outbox.c.state.in_((OutboxState.PENDING, OutboxState.UNKNOWN)), claim_expired)
    # Low-priority cards wait for their interval. Later rows of the stream must not wait with them.
    is_skippable = and_(_earlier.c.low_priority, _earlier.c.state == OutboxState.PENDING)
    is_first_in_stream = ~exists().where(
        _earlier.c.stream == outbox.c.stream,
        _earlier.c.id < outbox.c.id,
        _earlier.c.settled_at.is_(None),
        ~is_skippable,
        _parent_available(_earlier),
    )
    interval_passed = or_(
        ~outbox.c.low_priority,
        messages.c.edited_at.is_(None),
        messages.c.edited_at <= at - limits.low_priority_interval,
        messages.c.edited_at > at + CLOCK_TOLERANCE,
    )
    columns = (
        outbox,
        messages.c.ts,
        _target_channel.label("target_channel"),
        _parents.c.ts.label("parent_ts"),
    )
    joined = outbox.outerjoin(messages, messages.c.key == outbox.c.key).outerjoin(_parents, _parents.c.key == outbox.c.parent)
    return (
        select(*columns)
        .select_from(joined)
        .where(
            outbox.c.settled_at.is_(None),
            is_due(at),
            is_sendable,
            is_first_in_stream,
            _parent_available(outbox),
            interval_passed,
            _within_budget(at, limits),
        )
        .order_by(outbox.c.urgency, outbox.c.id)
        .limit(1)
        # A locked row is being claimed by another replica, so the next one is taken. Only the outbox is locked: PostgreSQL
        # cannot lock the outer side of a join. SQLite ignores the clause, because its write transaction is alone anyway.
        .with_for_update(of=outbox, skip_locked=True)
    )


def _parent_available(row: FromClause) -> ColumnElement[bool]:
    """Whether the message that a row replies to exists. A row without its parent delays no other, least of all its parent.

    A parent that stayed in another channel (``Outbox.move_stream``) exists only if no row will post it again.
    """
    parent_known = exists().where(_parent_addresses.c.key == row.c.parent)
    parent_sent = exists().where(_parent_addresses.c.key == row.c.parent, _parent_addresses.c.ts != "")
    parent_queued = exists().where(_parent_rows.c.key == row.c.parent, _parent_rows.c.settled_at.is_(None))
    return or_(row.c.parent == "", parent_sent, and_(parent_known, ~parent_queued))


def _within_budget(at: datetime, limits: RateLimits) -> ColumnElement[bool]:
    # A budget that was set at a time yet to come was set before the clock was set back: it would be closed for as long.
    is_current = or_(budgets.c.set_at.is_(None), budgets.c.set_at <= at + CLOCK_TOLERANCE)
    edit_budget_spent = exists().where(
        budgets.c.key == EDIT_BUDGET, is_current, budgets.c.available_at > at + limits.edit_interval * limits.edit_burst
    )
    post_budget_spent = exists().where(
        budgets.c.key == post_budget("") + _target_channel, is_current, budgets.c.available_at > at
    )
    return or_(and_(_is_edit, ~edit_budget_spent), and_(~_is_edit, ~post_budget_spent))
