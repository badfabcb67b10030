"""Tripwires of silences. A row is written in the transaction that records the silence."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.tripwires import Tripwire
from storage.outbox_messages import dump, type_adapter
from storage.tables.tripwires import tripwires
from storage.upsert import insert

_columns = tripwires.c


class TripwireRepository:
    """The rows of tripwires on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, tripwire: Tripwire) -> None:
        """Insert a tripwire, or replace the one of the same silence."""
        key = {"silence_id": tripwire.silence_id}
        place = {"environment": tripwire.environment, "source": tripwire.source}
        values = {**place, "until": tripwire.until, "record": dump(tripwire)}
        statement = insert(self._connection, tripwires).values(**key, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))

    async def get(self, silence_id: str) -> Tripwire | None:
        """The tripwire of a silence."""
        statement = select(_columns.record).where(_columns.silence_id == silence_id)
        text = (await self._connection.execute(statement)).scalar_one_or_none()
        return None if text is None else _read(text)

    async def remove(self, silence_id: str) -> None:
        """Forget the tripwire of a silence that is over."""
        await self._connection.execute(delete(tripwires).where(_columns.silence_id == silence_id))

    async def standing(self, environment: str, source: str, at: datetime) -> tuple[Tripwire, ...]:
        """Those of silences in one place that have not run out."""
        where = (_columns.environment == environment) & (_columns.source == source) & (_columns.until > at)
        statement = select(_columns.record).where(where).order_by(_columns.silence_id)
        return tuple(_read(text) for text in (await self._connection.execute(statement)).scalars())

    async def prune(self, before: datetime) -> int:
        """Delete those that ran out before a time; returns how many."""
        return (await self._connection.execute(delete(tripwires).where(_columns.until < before))).rowcount


def _read(text: str) -> Tripwire:
    tripwire: Tripwire = type_adapter(Tripwire).validate_json(text)
    return tripwire
