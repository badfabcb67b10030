"""Applies stored events of incident channels: completes them, keeps the channel's record, and tells the incident's handler.

Each event is applied in one transaction with the mark that it was, so that a crash neither loses nor doubles it, on any number of
replicas. An event that a newer one about the same has overtaken is dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

import structlog

from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, PermanentError, Refused, TemporaryError
from domain.inbound import InboundMessage
from domain.incidents.channel import IncidentChannel, archived_by_hand, found_again, gone, moved, renamed, unarchived_by_hand
from domain.incidents.channel_events import ChannelChange, ChannelChanged, ChannelEvent, subject_of
from domain.people import Directory
from runbooks.incidents.channel_setup import IncidentChannelRecords, wake_channel_setup
from runbooks.incidents.event_completion import PAUSE, EventCompletion, MessageReader
from runbooks.incidents.stored_events import load_event
from runbooks.periodic import run_periodically
from storage.incident_channels import IncidentChannelRepository
from storage.store import Store, Transaction

log = structlog.get_logger()

INBOX_POLL_INTERVAL = timedelta(seconds=2)
"""How often to look for events that another replica, or an earlier process, has stored."""
BATCH_SIZE = 50

ChannelEventHandler = Callable[[Transaction, ChannelEvent, datetime], Awaitable[None]]
"""Tells an incident of an event, in the transaction that marks it as applied. ``at`` is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEventDependencies:
    """What the worker uses."""

    store: Store
    clock: Clock
    records: IncidentChannelRecords
    messages: MessageReader
    directory: Directory
    handler: ChannelEventHandler
    notify_outbox: Callable[[], None]


class ChannelEventWorker:
    """Applies stored events, those of one incident in the order in which they came."""

    def __init__(self, dependencies: ChannelEventDependencies) -> None:
        self._dependencies = dependencies
        self._completion = EventCompletion(dependencies.messages, dependencies.directory, dependencies.clock)
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for events now: one was stored."""
        self._woken.set()

    async def run(self) -> NoReturn:
        """Apply events as they come, until the process ends."""
        await run_periodically("channel events", INBOX_POLL_INTERVAL, self.run_once, wake=self._woken)

    async def run_once(self) -> float | None:
        """Apply what is stored. Returns the seconds to wait if Slack has to be asked again. Raises ``TemporaryError``."""
        async with self._dependencies.store.read() as tx:
            stored = await tx.inbox.channel_events(limit=BATCH_SIZE)
        waiting: set[str] = set()
        for inbound in stored:
            await self._process(inbound, waiting)
        if waiting:
            return PAUSE.total_seconds()
        return 0 if len(stored) == BATCH_SIZE else None

    async def _process(self, inbound: InboundMessage, waiting: set[str]) -> None:
        """Apply an event, unless an earlier one of its incident waits for Slack; one that cannot be applied is set aside."""
        try:
            event = load_event(inbound.body)
            if event.incident_id in waiting:
                return
            try:
                completed = await self._completion.complete(event, inbound.received_at)
            except TemporaryError as error:
                log.info("channel event waits for Slack", incident=event.incident_id, error=str(error))
                waiting.add(event.incident_id)
                return
            await self._apply(inbound.key, completed)
        except (Refused, PermanentError, *UNEXPECTED_ERRORS):
            # Those behind it must not wait for it for ever.
            log.exception("channel event cannot be applied", inbound=inbound.key)
            async with self._dependencies.store.write() as tx:
                await tx.inbox.mark_answered(inbound.key, self._dependencies.clock.now(), "failed")
        self._dependencies.notify_outbox()

    async def _apply(self, key: str, event: ChannelEvent | None) -> None:
        now = self._dependencies.clock.now()
        async with self._dependencies.store.write() as tx:
            # First, because it locks the row: another replica that applies the same event waits here, and then finds it done.
            if not await tx.inbox.mark_answered(key, now, "applied" if event else "overtaken") or event is None:
                return
            channels = tx.of(IncidentChannelRepository)
            if not await channels.is_newest(event.channel_id, subject_of(event), event.at):
                return
            if isinstance(event, ChannelChanged) and not await self._keep_record(tx, event, now):
                return
            await self._dependencies.handler(tx, event, now)

    async def _keep_record(self, tx: Transaction, event: ChannelChanged, now: datetime) -> bool:
        """Write down what was done to the channel. False if that is no news: the bot comes into each channel that it makes."""
        state = await self._dependencies.records.load_for_update(tx, event.incident_id)
        if state is None:
            return False
        if event.change is ChannelChange.MOVED:
            await tx.of(IncidentChannelRepository).move(event.channel_id, event.value)
        channel = changed(state.channel, event)
        if channel != state.channel:
            await self._dependencies.records.save(tx, event.incident_id, channel, now)
            await wake_channel_setup(tx, event.incident_id, now)
        return channel != state.channel


def changed(channel: IncidentChannel, event: ChannelChanged) -> IncidentChannel:
    """The channel after what somebody did to it."""
    match event.change:
        case ChannelChange.ARCHIVED:
            return archived_by_hand(channel)
        case ChannelChange.UNARCHIVED:
            return unarchived_by_hand(channel)
        case ChannelChange.RENAMED:
            return renamed(channel, event.value)
        case ChannelChange.MOVED:
            return moved(channel, event.value)
        case ChannelChange.BOT_ADDED:
            return found_again(channel)
        case _:
            return gone(channel)
