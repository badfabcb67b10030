"""Heartbeats of replicas. A replica whose heartbeat is old counts as dead, and others take over its operations."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.pruning import delete_batch
from storage.tables.core import replicas
from storage.upsert import insert


class ReplicaRepository:
    """The replicas' rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def heartbeat(self, replica: str) -> None:
        """Store the replica's heartbeat."""
        now = self._now()
        statement = insert(self._connection, replicas).values(id=replica, started_at=now, heartbeat_at=now)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"heartbeat_at": now}))

    async def live(self, within: timedelta) -> frozenset[str]:
        """Replicas whose last heartbeat is no older than this."""
        rows = await self._connection.execute(select(replicas.c.id).where(replicas.c.heartbeat_at >= self._now() - within))
        return frozenset(rows.scalars())

    def _now(self) -> Any:
        """The database's own clock: replicas whose clocks differ must not take each other for dead. SQLite is on one machine."""
        return datetime.now(UTC) if self._connection.dialect.name == "sqlite" else func.clock_timestamp()

    async def remove(self, replica: str) -> None:
        """Remove a replica that stops in good order: others may take over its work at once."""
        await self._connection.execute(delete(replicas).where(replicas.c.id == replica))

    async def prune(self, before: datetime) -> int:
        """Delete a batch of replicas whose last heartbeat is older than this; returns how many."""
        return await delete_batch(self._connection, replicas, replicas.c.id, replicas.c.heartbeat_at < before)
