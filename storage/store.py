"""Transactions: ``async with store.write() as tx``. Everything in one is committed together, or nothing is."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.alerts import AlertGroup
from domain.errors import TemporaryError
from domain.incidents.incident import Incident
from domain.operations.operation import OperationRecord
from domain.operations.transitions import Transition
from storage.alerts import AlertRepository
from storage.audit import AuditLog
from storage.engines import UNAVAILABLE_ERRORS, Engines, driver_error_name
from storage.group_saves import GroupSave, StormSave
from storage.images import ImageRepository
from storage.inbox import Inbox
from storage.locks import LockRepository
from storage.operations import OperationRepository
from storage.outbox import Outbox
from storage.outbox_messages import OutboxMessage, alert_card, alert_note, operation_card, operation_note, storm_card
from storage.replicas import ReplicaRepository
from storage.space import release_pages
from storage.storms import StormRepository
from storage.timers import TimerRepository
from storage.trail import Trail

RepositoryT = TypeVar("RepositoryT")

_HOUSEKEEPING_LOCK_KEY = 0x0DEE_9EC1
"""Key of PostgreSQL's advisory lock for housekeeping."""


OnGroupsSaved = Callable[["Transaction", Sequence[AlertGroup], datetime], Awaitable[None]]
"""Called in the transaction that wrote these alert groups, after them."""
OnOperationSaved = Callable[["Transaction", OperationRecord, datetime], Awaitable[None]]
"""Called in the transaction that wrote this operation, after it; not where only numbers changed."""

OnIncidentSaved = Callable[["Transaction", Incident, datetime], Awaitable[None]]
"""Called in the transaction that wrote this incident, after it; not where only its channel changed."""


@dataclass(frozen=True, slots=True)
class StoreListeners:
    """What families do in the same transaction as others write. Filled before the first write."""

    on_groups_saved: list[OnGroupsSaved] = field(default_factory=list)
    on_operation_saved: list[OnOperationSaved] = field(default_factory=list)
    on_incident_saved: list[OnIncidentSaved] = field(default_factory=list)


class Transaction:
    """The repositories on one connection."""

    def __init__(self, connection: AsyncConnection, listeners: StoreListeners | None = None) -> None:
        self._connection = connection
        self._listeners = listeners or StoreListeners()
        self.alerts = AlertRepository(connection)
        self.audit = AuditLog(connection)
        self.images = ImageRepository(connection)
        self.inbox = Inbox(connection)
        self.locks = LockRepository(connection)
        self.operations = OperationRepository(connection)
        self.outbox = Outbox(connection)
        self.replicas = ReplicaRepository(connection)
        self.storms = StormRepository(connection)
        self.timers = TimerRepository(connection)
        self.trail = Trail()

    def of(self, repository: Callable[[AsyncConnection], RepositoryT]) -> RepositoryT:
        """A repository that only its family knows, on the connection of this transaction."""
        return repository(self._connection)

    async def claim_housekeeping(self) -> bool:
        """Whether this transaction may delete what is old: on PostgreSQL one replica does so at a time."""
        if self._connection.dialect.name != "postgresql":
            return True
        lock = await self._connection.execute(text(f"SELECT pg_try_advisory_xact_lock({_HOUSEKEEPING_LOCK_KEY})"))
        return bool(lock.scalar_one())

    async def apply(self, change: Transition, at: datetime, *, new: bool = False) -> None:
        """Write a transition: the record, its card, the replies in its thread, the audit entries. ``at`` is now."""
        record = change.record
        if new:
            await self.operations.add(record)
            self.trail.add("operation planned", operation=record.id, verb=record.verb.value, state=record.state.value)
        else:
            await self.operations.save(record)
        if record.state.final:
            await self.locks.release(record.id)
            self.trail.add("operation ended", operation=record.id, state=record.state.value, outcome=record.outcome)
        await self.put_message(operation_card(record, low_priority=change.low_priority), at)
        for listener in self._listeners.on_operation_saved if not change.low_priority else ():
            await listener(self, record, at)
        # The audit log's head is the one row that every writer locks, so it is locked as late as possible.
        audit_numbers = [await self.audit.append(entry) for entry in change.audit_entries]
        for note in change.notes:
            await self.put_message(operation_note(record, note, audit_number=audit_numbers[-1] if audit_numbers else 0), at)

    async def save_groups(
        self, saves: Sequence[GroupSave], at: datetime, *, keys: Mapping[str, str] | None = None, storms: Iterable[StormSave] = ()
    ) -> None:
        """Write what changed about alert groups: records, alerts, keys, cards, and replies in threads. ``at`` is now.

        ``keys`` are those that name these groups from now on. A group in a storm has no card of its own: the storm's card is
        counted again. The caller holds the locks of the groups that exist.
        """
        changes = [each.change for each in saves]
        await self.alerts.save([change.record for change in changes])
        await self.alerts.delete_alerts({change.record.id: change.deleted_fingerprints for change in changes})
        await self.alerts.save_alerts({change.record.id: change.alerts for change in changes})
        await self.alerts.assign_keys(keys or {})
        # Storms after groups, by id: their cards count the groups' rows, and two writers lock the storms in one order.
        touched = {change.record.storm: StormSave(id=change.record.storm) for change in changes if change.record.storm}
        touched |= {save.id: save for save in storms}
        for _, storm in sorted(touched.items()):
            await self._save_storm(storm, at)
        for save in saves:
            await self._put_group_messages(save, at)
        for listener in self._listeners.on_groups_saved if saves else ():
            await listener(self, [change.record for change in changes], at)

    async def tell_incident_saved(self, incident: Incident, at: datetime) -> None:
        """Called by who has written the incident."""
        for listener in self._listeners.on_incident_saved:
            await listener(self, incident, at)

    async def put_message(self, message: OutboxMessage, at: datetime) -> bool:
        """Add a message to the outbox, with its line in the debug log. False for a reply whose key exists already."""
        if not await self.outbox.put(message, at=at):
            return False
        self.trail.add("outbox message stored", message=message.key, channel=message.channel)
        return True

    async def _save_storm(self, save: StormSave, at: datetime) -> None:
        if save.storm is not None and save.changed:
            await self.storms.save(save.storm)
        if save.timer is not None:
            await self.timers.set(save.timer, at)
        storm = save.storm or await self.storms.get(save.id)
        if storm is not None:
            card = await self.storms.card(storm, at)
            await self.put_message(storm_card(card, low_priority=save.low_priority), at)

    async def _put_group_messages(self, save: GroupSave, at: datetime) -> None:
        record = save.change.record
        if record.storm and not save.is_said_in_storm:
            return
        self.trail.add("alert group saved", group=record.id, state=record.state.value, card=not save.card_unchanged)
        if not save.card_unchanged and not record.storm:
            await self.put_message(alert_card(record, low_priority=save.low_priority), at)
        for note in save.change.notes:
            await self.put_message(alert_note(record, note), at)


class Store:
    """The database. ``check_lease`` is called before every write: a replica that lost its lease must not write again."""

    def __init__(self, engines: Engines, check_lease: Callable[[], None] = lambda: None) -> None:
        self.engines = engines
        self.listeners = StoreListeners()
        self._check_lease = check_lease

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Open a transaction that may write. Raises ``TemporaryError`` if the database does not answer."""
        self._check_lease()
        try:
            async with self.engines.write.begin() as connection:
                tx = Transaction(connection, self.listeners)
                yield tx
        except UNAVAILABLE_ERRORS as error:
            raise _to_temporary_error(error) from error
        # Not inside: a log that cannot be written is an OSError too, and the error above says that nothing was kept.
        tx.trail.write()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Open a transaction that only reads and waits for no writer. Raises ``TemporaryError`` as ``write`` does."""
        try:
            async with self.engines.read.connect() as connection:
                yield Transaction(connection)
        except UNAVAILABLE_ERRORS as error:
            raise _to_temporary_error(error) from error

    async def release_space(self) -> int:
        """Give back a little of the space of deleted rows. Returns 0 if there is nothing more. Raises as ``write`` does."""
        self._check_lease()
        try:
            async with self.engines.write.begin() as connection:
                return await connection.run_sync(release_pages)
        except UNAVAILABLE_ERRORS as error:
            raise _to_temporary_error(error) from error

    async def close(self) -> None:
        """Close every connection."""
        await self.engines.dispose()


def _to_temporary_error(error: Exception) -> TemporaryError:
    return TemporaryError(f"The database did not take it: {driver_error_name(error)}. Nothing of it was kept; try again.")
