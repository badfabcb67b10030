"""The transactions. ``async with store.write() as tx`` is one; what it holds happens together or not at all."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.groups import GroupChange
from domain.errors import TemporaryError
from domain.operations.operation import Change
from storage.alerts import Alerts
from storage.audit import Audit
from storage.engines import UNAVAILABLE, Engines, reason
from storage.images import Images
from storage.inbox import Inbox
from storage.locks import Locks
from storage.operations import Operations
from storage.outbox import Outbox
from storage.outbox_messages import alert_card, alert_note, operation_card, operation_note, storm_card
from storage.replicas import Replicas
from storage.storms import Storms
from storage.timers import Timers


class Transaction:
    """Every repository on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.alerts = Alerts(connection)
        self.audit = Audit(connection)
        self.images = Images(connection)
        self.inbox = Inbox(connection)
        self.locks = Locks(connection)
        self.operations = Operations(connection)
        self.outbox = Outbox(connection)
        self.replicas = Replicas(connection)
        self.storms = Storms(connection)
        self.timers = Timers(connection)

    async def apply(self, change: Change, at: datetime, *, new: bool = False) -> None:
        """Make a transition true: the record, its card, what its thread says, what the audit log keeps.

        The audit log comes last, because its head is the one row that every writer waits for.
        ``at`` is now.
        """
        record = change.record
        if new:
            await self.operations.add(record)
        else:
            await self.operations.save(record)
        if record.state.final:
            await self.locks.free(record.id)
        await self.outbox.put(operation_card(record, quiet=change.quiet), at=at)
        numbers = [await self.audit.append(entry) for entry in change.audit]
        for note in change.notes:
            await self.outbox.put(operation_note(record, note, audit=numbers[-1] if numbers else 0), at=at)

    async def apply_group(self, change: GroupChange, at: datetime, *, quiet: bool = False, same_card: bool = False) -> None:
        """Make true what changed about one alert group: the record, its alerts, its card or its storm's, its thread.

        ``same_card`` where nothing on the card has changed: an edit less, of the fifty a minute that a workspace has.
        """
        record = change.record
        await self.alerts.save([record])
        await self.alerts.save_alerts({record.id: change.alerts})
        if record.storm:
            storm = await self.storms.get(record.storm)
            if storm is not None:
                await self.outbox.put(storm_card(await self.storms.card(storm, at), quiet=True), at=at)
            return
        if not same_card:
            await self.outbox.put(alert_card(record, quiet=quiet), at=at)
        for note in change.notes:
            await self.outbox.put(alert_note(record, note), at=at)


class Store:
    """The database. ``alive`` is asked before every write: a replica that lost its lease must not write again."""

    def __init__(self, engines: Engines, alive: Callable[[], None] = lambda: None) -> None:
        self.engines = engines
        self._alive = alive

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """A transaction that may write. Raises ``TemporaryError`` where the database does not answer."""
        self._alive()
        try:
            async with self.engines.write.begin() as connection:
                yield Transaction(connection)
        except UNAVAILABLE as error:
            raise _translated(error) from error

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A consistent look that writes nothing and waits for no writer."""
        try:
            async with self.engines.read.connect() as connection:
                yield Transaction(connection)
        except UNAVAILABLE as error:
            raise _translated(error) from error

    async def close(self) -> None:
        """Close every connection."""
        await self.engines.dispose()


def _translated(error: Exception) -> TemporaryError:
    return TemporaryError(f"The database did not take it: {reason(error)}. Nothing of it was kept; try again.")
