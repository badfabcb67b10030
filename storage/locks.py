"""Locks: a person locks an environment, an operation locks each service that it changes."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import TemporaryError
from domain.maintenance.window import MaintenanceWindow
from domain.operations.locks import LockRecord
from domain.people import Person
from storage.maintenance import MaintenanceRepository
from storage.tables.operations import locks
from storage.upsert import insert


class LockRepository:
    """The locks' rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_environment(self, environment: str, by: Person, reason: str, at: datetime, until: datetime | None) -> bool:
        """Lock an environment for a person. False if it is locked already."""
        # An expired lock has the same key and would make the insert fail.
        await self._drop_expired(at)
        return await self._insert(_row(environment, "", "", by, reason, at, until))

    async def environment_lock(self, environment: str, at: datetime) -> LockRecord | None:
        """The lock of a person on an environment; None without one, or if it has expired."""
        rows = await self._select(locks.c.key == _key(environment, ""))
        return next((row for row in rows if row.until is None or row.until > at), None)

    async def change_lock(self, environment: str, at: datetime) -> LockRecord | None:
        """What forbids changes of an environment: a person's lock, else the freeze of a maintenance window, or None."""
        lock = await self.environment_lock(environment, at)
        if lock is not None:
            return lock
        window = await MaintenanceRepository(self._connection).freeze(environment, at)
        return None if window is None else _freeze(window)

    async def unlock_environment(self, lock: LockRecord) -> bool:
        """Remove exactly this lock. False if it is gone already, or was replaced by another one."""
        result = await self._connection.execute(delete(locks).where(_is_same(lock)))
        return result.rowcount == 1

    async def move(self, lock: LockRecord, moved: LockRecord) -> bool:
        """Give exactly this lock of an environment other times. False if it is gone, replaced or moved already."""
        where = _is_same(lock) & (locks.c.until == lock.until)
        values = {"since": moved.since, "until": moved.until}
        return (await self._connection.execute(update(locks).where(where).values(**values))).rowcount == 1

    async def blocking_lock(self, operation_id: str, environment: str, services: tuple[str, ...]) -> LockRecord | None:
        """The lock of another operation on one of these services, or None. It locks nothing."""
        existing = await self._select(locks.c.key.in_([_key(environment, service) for service in services]))
        return next((row for row in existing if row.operation != operation_id), None)

    async def lock_services(
        self, operation_id: str, environment: str, services: tuple[str, ...], by: Person, at: datetime
    ) -> LockRecord | None:
        """Lock all of these services for an operation, or none. Returns the lock of another operation that blocks it, or None.

        Locks that this operation holds already are kept, so that a replay is harmless. Raises ``TemporaryError`` if another
        operation locks one at the same moment: the error rolls the transaction back, so that none of them stays locked.
        """
        keys = [_key(environment, service) for service in services]
        existing = await self._select(locks.c.key.in_(keys))
        blocking = next((row for row in existing if row.operation != operation_id), None)
        if blocking is not None:
            return blocking
        own_services = {row.service for row in existing}
        # A concurrent transaction's row is invisible to the query above. The insert waits for that transaction and then
        # inserts nothing. Plans list services in the catalogue's order, so that two operations do not deadlock.
        for service in services:
            row = _row(environment, service, operation_id, by, f"{operation_id} is running", at, None)
            if service not in own_services and not await self._insert(row):
                raise TemporaryError(f"Another operation locked {service} at the same moment.")
        return None

    async def release(self, operation_id: str) -> None:
        """Release every lock of the operation."""
        await self._connection.execute(delete(locks).where(locks.c.operation == operation_id))

    async def active(self, at: datetime) -> tuple[LockRecord, ...]:
        """Every lock that has not expired, by environment; that of the environment itself comes first, then a freeze."""
        rows = await self._select(locks.c.key.is_not(None))
        windows = await MaintenanceRepository(self._connection).open()
        freezes = [_freeze(window) for window in windows if window.freezes(at)]
        held = [*(row for row in rows if row.until is None or row.until > at), *freezes]
        return tuple(sorted(held, key=lambda lock: (lock.environment, bool(lock.service), bool(lock.window), lock.service)))

    async def _insert(self, row: dict[str, object]) -> bool:
        statement = insert(self._connection, locks).values(**row).on_conflict_do_nothing()
        return (await self._connection.execute(statement)).rowcount == 1

    async def _select(self, where: object) -> tuple[LockRecord, ...]:
        statement = select(locks).where(where).order_by(locks.c.environment, locks.c.service)  # type: ignore[arg-type]
        return tuple(_read(row) for row in (await self._connection.execute(statement)).mappings())

    async def _drop_expired(self, at: datetime) -> None:
        await self._connection.execute(delete(locks).where(locks.c.until <= at))


def _is_same(lock: LockRecord) -> ColumnElement[bool]:
    is_key, by = locks.c.key == _key(lock.environment, ""), lock.by
    return is_key & (locks.c.holder == by.user_id) & (locks.c.holder_team == by.team_id) & (locks.c.since == lock.since)


def _key(environment: str, service: str) -> str:
    return f"{environment}/{service}"


def _row(
    environment: str, service: str, operation_id: str, by: Person, reason: str, since: datetime, until: datetime | None
) -> dict[str, object]:
    return {
        "key": _key(environment, service),
        "environment": environment,
        "service": service,
        "operation": operation_id,
        "holder": by.user_id,
        "holder_team": by.team_id,
        "reason": reason,
        "since": since,
        "until": until,
    }


def _freeze(window: MaintenanceWindow) -> LockRecord:
    return LockRecord(
        environment=window.environment,
        service="",
        operation="",
        by=window.owner,
        reason=window.work,
        since=window.starts_at,
        until=window.frozen_until,
        window=window.id,
    )


def _read(row: object) -> LockRecord:
    columns = dict(row)  # type: ignore[call-overload]
    return LockRecord(
        environment=columns["environment"],
        service=columns["service"],
        operation=columns["operation"],
        by=Person(columns["holder"], columns["holder_team"]),
        reason=columns["reason"],
        since=columns["since"],
        until=columns["until"],
    )
