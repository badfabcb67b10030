"""Leases: what was set in other systems. A row is written in the transaction that records what was set."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.leases.lease import Lease, LeaseKind
from storage.outbox_messages import dump, type_adapter
from storage.tables.leases import leases
from storage.upsert import insert

_columns = leases.c
_OUTLASTING = tuple(kind.value for kind in LeaseKind if not kind.ends_by_itself)


class LeaseRepository:
    """The rows of leases on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, lease: Lease) -> None:
        """Insert a lease, or replace the one of the same thing."""
        keys = {"kind": lease.kind.value, "environment": lease.environment, "key": lease.key}
        values = {"owner": lease.owner.user_id, "until": lease.until, "record": dump(lease)}
        statement = insert(self._connection, leases).values(**keys, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))

    async def end(self, kind: LeaseKind, environment: str, key: str) -> bool:
        """Delete a lease. False if there is none."""
        where = (_columns.kind == kind.value) & (_columns.environment == environment) & (_columns.key == key)
        return (await self._connection.execute(delete(leases).where(where))).rowcount == 1

    async def standing(self, environments: Collection[str], at: datetime) -> tuple[Lease, ...]:
        """The leases of these environments that have not run out or outlast their end, the first to end first."""
        lasts = (_columns.until > at) | _columns.kind.in_(_OUTLASTING)
        return await self._select(_columns.environment.in_(tuple(environments)) & lasts)

    async def get(self, kind: LeaseKind, environment: str, key: str) -> Lease | None:
        """The lease of this thing; None without it."""
        where = (_columns.kind == kind.value) & (_columns.environment == environment) & (_columns.key == key)
        return next(iter(await self._select(where)), None)

    async def of_kind(self, kind: LeaseKind, environment: str) -> tuple[Lease, ...]:
        """The leases of a kind in an environment, the first to end first."""
        return await self._select((_columns.kind == kind.value) & (_columns.environment == environment))

    async def prune(self, before: datetime) -> int:
        """Delete those that ran out before a time; returns how many."""
        return (await self._connection.execute(delete(leases).where(_columns.until < before))).rowcount

    async def _select(self, where: ColumnElement[bool]) -> tuple[Lease, ...]:
        statement = select(_columns.record).where(where).order_by(_columns.until, _columns.kind, _columns.key)
        return tuple(_read(text) for text in (await self._connection.execute(statement)).scalars())


def _read(text: str) -> Lease:
    lease: Lease = type_adapter(Lease).validate_json(text)
    return lease
