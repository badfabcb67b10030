"""Which processes live: each beats its row; one whose beat is old is dead, and its operations may be taken over."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables.core import replicas
from storage.upsert import insert


class ReplicaRepository:
    """The replicas' rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def heartbeat(self, replica: str) -> None:
        """Say that the replica lives."""
        now = self._now()
        statement = insert(self._connection, replicas).values(id=replica, started_at=now, heartbeat_at=now)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"heartbeat_at": now}))

    async def live(self, within: timedelta) -> frozenset[str]:
        """Every replica that has beaten in this last span of time."""
        rows = await self._connection.execute(select(replicas.c.id).where(replicas.c.heartbeat_at >= self._now() - within))
        return frozenset(rows.scalars())

    def _now(self) -> Any:
        """The database's own time: replicas whose clocks differ must not take each other for dead."""
        return datetime.now(UTC) if self._connection.dialect.name == "sqlite" else func.clock_timestamp()

    async def remove(self, replica: str) -> None:
        """The replica stops in good order: its work may be taken over at once."""
        await self._connection.execute(delete(replicas).where(replicas.c.id == replica))

    async def prune(self, before: datetime) -> None:
        """Drop the rows of replicas that died long ago."""
        await self._connection.execute(delete(replicas).where(replicas.c.heartbeat_at < before))
