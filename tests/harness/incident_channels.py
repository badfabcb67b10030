"""Incident channels with records in a database: ``ChannelSetup`` on them, its timers, and a clock that is moved."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Column, MetaData, String, Table, Text, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clock import Clock
from domain.incidents.channel import IncidentChannel, WantedChannel
from domain.incidents.channel_problems import problems
from domain.rich_text import plain_text
from runbooks.engine.engine import StepObserver, ignore_step
from runbooks.incidents.channel_api import ChannelApi
from runbooks.incidents.channel_setup import INCIDENT_CHANNEL, ChannelSetup, ChannelState, wake_channel_setup
from runbooks.timers import TimerDispatcher
from storage.store import Store, Transaction
from storage.timers import Timer
from storage.upsert import insert
from tests.harness.fakes.clock import StoppedClock

_metadata = MetaData()
records = Table("harness_incidents", _metadata, Column("id", String, primary_key=True), Column("record", Text, nullable=False))
_CHANNEL, _WANTED = TypeAdapter(IncidentChannel), TypeAdapter(WantedChannel)


class RecordRepository:
    """The harness's own table, in place of the incidents'."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create_table(self) -> None:
        await self._connection.run_sync(_metadata.create_all)

    async def put(self, incident_id: str, channel: IncidentChannel, wanted: WantedChannel) -> None:
        values = {"id": incident_id, "record": _dump(channel, wanted)}
        statement = insert(self._connection, records).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))

    async def get(self, incident_id: str) -> ChannelState | None:
        statement = select(records.c.record).where(records.c.id == incident_id).with_for_update()
        stored = (await self._connection.execute(statement)).scalar_one_or_none()
        return None if stored is None else _load(stored)

    async def save(self, incident_id: str, channel: IncidentChannel) -> None:
        state = await self.get(incident_id)
        assert state is not None
        values = {"record": _dump(channel, state.wanted)}
        await self._connection.execute(update(records).where(records.c.id == incident_id).values(**values))


class HarnessRecords:
    """``IncidentChannelRecords`` on that table. ``saves`` are the channels that were written, in order."""

    def __init__(self) -> None:
        self.saves: list[IncidentChannel] = []

    async def load_for_update(self, tx: Transaction, incident_id: str) -> ChannelState | None:
        return await tx.of(RecordRepository).get(incident_id)

    async def save(self, tx: Transaction, incident_id: str, channel: IncidentChannel, _at: datetime) -> None:
        self.saves.append(channel)
        await tx.of(RecordRepository).save(incident_id, channel)


@dataclass
class IncidentChannelHarness:
    """Sets channels up as the bot does, by timers, and without waiting."""

    store: Store
    api: ChannelApi
    clock: StoppedClock = field(default_factory=StoppedClock)
    observer: StepObserver = ignore_step
    records: HarnessRecords = field(default_factory=HarnessRecords)

    async def declare(self, wanted: WantedChannel, channel: IncidentChannel | None = None) -> None:
        """A new incident."""
        async with self.store.write() as tx:
            await tx.of(RecordRepository).create_table()
        await self.change(wanted, channel or IncidentChannel())

    async def change(self, wanted: WantedChannel, channel: IncidentChannel | None = None) -> None:
        """Write what is wanted from now on, and wake who does it, in one transaction."""
        async with self.store.write() as tx:
            state = await tx.of(RecordRepository).get(wanted.incident_id)
            present = channel or (state.channel if state else IncidentChannel())
            await tx.of(RecordRepository).put(wanted.incident_id, present, wanted)
            await wake_channel_setup(tx, wanted.incident_id, self.clock.now())

    async def channel(self, incident_id: str) -> IncidentChannel:
        async with self.store.read() as tx:
            state = await tx.of(RecordRepository).get(incident_id)
        assert state is not None
        return state.channel

    async def problems(self, incident_id: str) -> list[str]:
        return [plain_text(problem) for problem in problems(await self.channel(incident_id))]

    def setup(self) -> ChannelSetup:
        return channel_setup(self.store, self.clock, self.api, self.records, self.observer)

    async def run_due(self) -> None:
        """Handle the timers that are due now, and wait until the channels are set up as far as they can be."""
        await timers_of(self.store, self.clock, self.setup()).run_due()

    async def run_for(self, span: timedelta, step: timedelta = timedelta(seconds=1)) -> None:
        """Let time pass, a second at a time."""
        for _ in range(int(span / step)):
            await self.run_due()
            self.clock.advance(step)

    async def timers(self) -> int:
        async with self.store.read() as tx:
            return len(await tx.timers.due(self.clock.now() + timedelta(days=1)))


def channel_setup(
    store: Store, clock: Clock, api: ChannelApi, incident_records: HarnessRecords, observer: StepObserver
) -> ChannelSetup:
    return ChannelSetup(
        store=store, clock=clock, api=api, records=incident_records, notify_outbox=lambda: None, observer=observer
    )


def timers_of(store: Store, clock: Clock, setup: ChannelSetup, replica: str = "replica-1") -> TimerDispatcher:
    """Timers whose handler sets the channel up itself, without a worker in between."""

    async def set_up(timer: Timer, _at: datetime) -> None:
        await setup.set_up(timer.subject)

    return TimerDispatcher(store=store, clock=clock, replica=replica, handlers={INCIDENT_CHANNEL: set_up})


def _dump(channel: IncidentChannel, wanted: WantedChannel) -> str:
    return json.dumps([_CHANNEL.dump_python(channel, mode="json"), _WANTED.dump_python(wanted, mode="json")])


def _load(stored: str) -> ChannelState:
    parts: list[Mapping[str, Any]] = json.loads(stored)
    return ChannelState(_CHANNEL.validate_python(parts[0]), _WANTED.validate_python(parts[1]))
