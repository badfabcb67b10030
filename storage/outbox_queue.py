"""Whose turn it is in the outbox: order within a stream, parents before replies, urgency between streams, and budgets."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, or_, select

from storage.tables import budgets, messages, outbox

STALE = timedelta(seconds=60)
"""A row that has been under way this long belongs to a replica that died."""


class RowState(StrEnum):
    """Where a row stands; the last three are ends."""

    PENDING = "pending"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a channel may be written to. Slack: one new message a second and channel; edits tier 3, 50 a minute."""

    post: timedelta = timedelta(seconds=1)
    edit: timedelta = timedelta(seconds=1.2)
    edits_at_once: int = 10
    quiet: timedelta = timedelta(seconds=3)
    """A card that only counts is edited at most this often."""


EDITS = "edit"
"""The budget of ``chat.update``, which Slack counts for the whole workspace."""


def post_budget(channel: str) -> str:
    """The budget of new messages in one channel."""
    return f"post/{channel}"


_parents = messages.alias("parents")
_addressed = messages.alias("addressed")
_earlier = outbox.alias("earlier")
_coming = outbox.alias("coming")
_where_to = func.coalesce(messages.c.channel, _parents.c.channel, outbox.c.channel)
_is_edit = func.coalesce(messages.c.ts, "") != ""


def next_row(at: datetime, pace: Pace) -> Select[Any]:
    """The most urgent row that is due, whose turn it is in its stream, and whose budget is not spent."""
    abandoned = (outbox.c.state == RowState.SENDING) & (outbox.c.tried_at < at - STALE)
    waiting = or_(outbox.c.state.in_((RowState.PENDING, RowState.UNKNOWN)), abandoned)
    quiet = and_(_earlier.c.quiet, _earlier.c.state == RowState.PENDING)
    first = ~exists().where(
        _earlier.c.stream == outbox.c.stream,
        _earlier.c.id < outbox.c.id,
        _earlier.c.settled_at.is_(None),
        ~quiet,
        _has_parent(_earlier),
    )
    not_too_often = or_(~outbox.c.quiet, messages.c.edited_at.is_(None), messages.c.edited_at <= at - pace.quiet)
    columns = (
        outbox,
        messages.c.ts,
        _where_to.label("where_to"),
        _parents.c.ts.label("parent_ts"),
    )
    joined = outbox.outerjoin(messages, messages.c.key == outbox.c.key).outerjoin(_parents, _parents.c.key == outbox.c.parent)
    return (
        select(*columns)
        .select_from(joined)
        .where(
            outbox.c.settled_at.is_(None),
            outbox.c.not_before <= at,
            waiting,
            first,
            _has_parent(outbox),
            not_too_often,
            _affordable(at, pace),
        )
        .order_by(outbox.c.urgency, outbox.c.id)
        .limit(1)
        .with_for_update(of=outbox, skip_locked=True)
    )


def _has_parent(row: FromClause) -> ColumnElement[bool]:
    """Whether what a row replies to is there. A row without its parent holds nobody up, least of all its parent.

    A parent that was left behind in another channel is there only where nothing will bring it anew.
    """
    left_behind = exists().where(_addressed.c.key == row.c.parent)
    there = exists().where(_addressed.c.key == row.c.parent, _addressed.c.ts != "")
    comes = exists().where(_coming.c.key == row.c.parent, _coming.c.settled_at.is_(None))
    return or_(row.c.parent == "", there, and_(left_behind, ~comes))


def _affordable(at: datetime, pace: Pace) -> ColumnElement[bool]:
    edits_spent = exists().where(budgets.c.key == EDITS, budgets.c.free_at > at + pace.edit * pace.edits_at_once)
    posts_spent = exists().where(budgets.c.key == post_budget("") + _where_to, budgets.c.free_at > at)
    return or_(and_(_is_edit, ~edits_spent), and_(~_is_edit, ~posts_spent))
