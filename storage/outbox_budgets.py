"""The outbox's rate budgets: when a channel may have its next message, and the workspace its next edit."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clock import is_from_the_future
from storage.outbox_queue import EDIT_BUDGET, RateLimits, post_budget
from storage.tables.core import budgets
from storage.upsert import insert


async def spend_budget(connection: AsyncConnection, candidate: Mapping[str, Any], at: datetime, limits: RateLimits) -> bool:
    """Spend one message of the channel's rate budget, or one edit of the workspace's. False if another replica was first."""
    key, interval, burst_allowance = (
        (EDIT_BUDGET, limits.edit_interval, limits.edit_interval * limits.edit_burst)
        if candidate["ts"]
        else (post_budget(candidate["target_channel"]), limits.post_interval, timedelta())
    )
    await connection.execute(insert(connection, budgets).values(key=key, available_at=at, set_at=at).on_conflict_do_nothing())
    # ``select_next`` read the budget without locking it, so it is read again under its lock.
    statement = select(budgets.c.available_at, budgets.c.set_at).where(budgets.c.key == key).with_for_update()
    available_at, set_at = (await connection.execute(statement)).one()
    if set_at is not None and is_from_the_future(set_at, at):
        available_at = at
    if available_at > at + burst_allowance:
        return False
    await connection.execute(
        update(budgets).where(budgets.c.key == key).values(available_at=max(available_at, at) + interval, set_at=at)
    )
    return True
