"""What pagers report: which pages they were told of, and which of their events were applied already."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.paging.messages import MessageState
from domain.paging.pages import PageState
from storage.pruning import delete_batch
from storage.tables.paging import page_messages, pager_events, pages
from storage.upsert import insert

MAX_POLLED_AGE = timedelta(days=1)
"""How long a pager is asked about a page that nobody has acknowledged."""


class PagerEventRepository:
    """The rows of events, and what pagers are to be asked about, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def called_by_pagers(self, at: datetime) -> tuple[tuple[str, ...], datetime]:
        """Dedup keys of pages that wait for an acknowledgement and went to a pager that has a state, and the oldest's time."""
        joined = page_messages.join(pages, pages.c.id == page_messages.c.page_id)
        is_waiting = pages.c.state.in_((PageState.OPEN, PageState.UNANSWERED)) & (pages.c.requested_at > at - MAX_POLLED_AGE)
        where = is_waiting & (page_messages.c.way == "pagerduty") & (page_messages.c.state == MessageState.SENT)
        columns = (page_messages.c.dedup_key, func.min(pages.c.requested_at))
        statement = select(*columns).select_from(joined).where(where).group_by(page_messages.c.dedup_key).limit(500)
        rows = (await self._connection.execute(statement)).all()
        return tuple(key for key, _ in rows), min((since for _, since in rows), default=at)

    async def remember(self, event_id: str, at: datetime) -> bool:
        """Record what a pager reported. False if it was recorded before: the same event changes nothing again."""
        statement = insert(self._connection, pager_events).values(id=event_id, received_at=at)
        return (await self._connection.execute(statement.on_conflict_do_nothing(index_elements=["id"]))).rowcount == 1

    async def prune(self, before: datetime) -> int:
        """Delete a batch of events that were received before this time; returns how many. PagerDuty repeats for two days."""
        return await delete_batch(self._connection, pager_events, pager_events.c.id, pager_events.c.received_at < before)
