"""Whose turn it is in the outbox: order within a stream, parents before replies, urgency between streams, and budgets."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, or_, select

from storage.tables.core import budgets, messages, outbox

SEND_CLAIM_TIMEOUT = timedelta(seconds=60)
"""A row that has been under way this long belongs to a replica that died."""


class OutboxState(StrEnum):
    """Where a row stands; the last three are ends."""

    PENDING = "pending"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How fast a channel may be written to. Slack: one new message a second and channel; edits tier 3, 50 a minute."""

    post_interval: timedelta = timedelta(seconds=1)
    edit_interval: timedelta = timedelta(seconds=1.2)
    edit_burst: int = 10
    low_priority_interval: timedelta = timedelta(seconds=3)
    """A card that only counts is edited at most this often."""


EDIT_BUDGET = "edit"
"""The budget of ``chat.update``, which Slack counts for the whole workspace."""


def post_budget(channel: str) -> str:
    """The budget of new messages in one channel."""
    return f"post/{channel}"


_parents = messages.alias("parents")
_parent_addresses = messages.alias("parent_addresses")
_earlier = outbox.alias("earlier")
_parent_rows = outbox.alias("parent_rows")
_target_channel = func.coalesce(messages.c.channel, _parents.c.channel, outbox.c.channel)
_is_edit = func.coalesce(messages.c.ts, "") != ""


def select_next(at: datetime, limits: RateLimits) -> Select[Any]:
    """The most urgent row that is due, whose turn it is in its stream, and whose budget is not spent."""
    claim_expired = (outbox.c.state == OutboxState.SENDING) & (outbox.c.attempted_at < at - SEND_CLAIM_TIMEOUT)
    is_sendable = or_(outbox.c.state.in_((OutboxState.PENDING, OutboxState.UNKNOWN)), claim_expired)
    is_skippable = and_(_earlier.c.low_priority, _earlier.c.state == OutboxState.PENDING)
    is_first_in_stream = ~exists().where(
        _earlier.c.stream == outbox.c.stream,
        _earlier.c.id < outbox.c.id,
        _earlier.c.settled_at.is_(None),
        ~is_skippable,
        _parent_available(_earlier),
    )
    interval_passed = or_(
        ~outbox.c.low_priority, messages.c.edited_at.is_(None), messages.c.edited_at <= at - limits.low_priority_interval
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
            outbox.c.not_before <= at,
            is_sendable,
            is_first_in_stream,
            _parent_available(outbox),
            interval_passed,
            _within_budget(at, limits),
        )
        .order_by(outbox.c.urgency, outbox.c.id)
        .limit(1)
        .with_for_update(of=outbox, skip_locked=True)
    )


def _parent_available(row: FromClause) -> ColumnElement[bool]:
    """Whether what a row replies to is there. A row without its parent holds nobody up, least of all its parent.

    A parent that was left behind in another channel is there only where nothing will bring it anew.
    """
    parent_known = exists().where(_parent_addresses.c.key == row.c.parent)
    parent_sent = exists().where(_parent_addresses.c.key == row.c.parent, _parent_addresses.c.ts != "")
    parent_queued = exists().where(_parent_rows.c.key == row.c.parent, _parent_rows.c.settled_at.is_(None))
    return or_(row.c.parent == "", parent_sent, and_(parent_known, ~parent_queued))


def _within_budget(at: datetime, limits: RateLimits) -> ColumnElement[bool]:
    edit_budget_spent = exists().where(
        budgets.c.key == EDIT_BUDGET, budgets.c.available_at > at + limits.edit_interval * limits.edit_burst
    )
    post_budget_spent = exists().where(budgets.c.key == post_budget("") + _target_channel, budgets.c.available_at > at)
    return or_(and_(_is_edit, ~edit_budget_spent), and_(~_is_edit, ~post_budget_spent))
