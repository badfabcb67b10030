"""Drafts of post-mortems: the last one of each incident."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.incidents.postmortem_end import StoredDraft
from storage.tables.incidents import postmortems
from storage.upsert import insert


class PostmortemRepository:
    """The drafts on one connection. Use it as ``tx.of(PostmortemRepository)``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(self, incident_id: str, draft: str, at: datetime) -> None:
        """Store a draft in place of an earlier one."""
        values = {"incident_id": incident_id, "drafted_at": at, "draft": draft}
        statement = insert(self._connection, postmortems).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["incident_id"], set_=values))

    async def get(self, incident_id: str) -> StoredDraft | None:
        """The last draft; None if none was made."""
        statement = select(postmortems.c.draft, postmortems.c.drafted_at).where(postmortems.c.incident_id == incident_id)
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else StoredDraft(row.draft, row.drafted_at)
