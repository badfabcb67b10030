"""Stored events of incident channels, and who applies them, with a Slack and a directory that may not answer."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import TemporaryError
from domain.incidents.channel_events import ChannelEvent
from domain.people import Member, Person
from runbooks.incidents.channel_events import ChannelEventDependencies, ChannelEventWorker
from runbooks.incidents.event_completion import ChannelMessage
from runbooks.incidents.stored_events import inbound_event
from storage.inbox import InboxWriter
from storage.store import Store, Transaction
from tests.harness.fakes.channels import MemoryChannels
from tests.harness.incident_channels import IncidentChannelHarness


@dataclass
class MemoryMessages:
    """Messages by their ts; an exception is raised for every one. ``asked`` are those that were read."""

    messages: dict[str, ChannelMessage] = field(default_factory=dict)
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def message(self, _channel_id: str, ts: str) -> ChannelMessage | None:
        self.asked.append(ts)
        if self.error is not None:
            raise self.error
        return self.messages.get(ts)


class NamesDirectory:
    """Calls people by the end of their id: ``U0ANA`` is ana."""

    def __init__(self, messages: MemoryMessages) -> None:
        self._messages = messages

    async def member(self, person: Person) -> Member:
        if isinstance(self._messages.error, TemporaryError):
            raise self._messages.error
        return Member(person=person, name=person.user_id[2:].lower())

    async def fresh_member(self, person: Person) -> Member:
        return await self.member(person)


@dataclass
class ChannelEventHarness:
    """``told`` are the events that the incident's handler got; an error in ``handler_errors`` is raised by it first."""

    store: Store
    messages: MemoryMessages = field(default_factory=MemoryMessages)
    told: list[ChannelEvent] = field(default_factory=list)
    handler_errors: list[Exception] = field(default_factory=list)
    delivered: int = 0

    def __post_init__(self) -> None:
        self.channels = IncidentChannelHarness(self.store, MemoryChannels())
        self.clock = self.channels.clock
        self._writer = InboxWriter(self.store.engines.write)
        self.worker = self.new_worker()

    def new_worker(self, store: Store | None = None) -> ChannelEventWorker:
        return ChannelEventWorker(
            ChannelEventDependencies(
                store=store or self.store,
                clock=self.clock,
                records=self.channels.records,
                messages=self.messages,
                directory=NamesDirectory(self.messages),
                handler=self._handle,
                notify_outbox=lambda: None,
            )
        )

    async def happen(self, *events: ChannelEvent, apply: bool = True) -> None:
        """Slack tells of events, in this order."""
        for event in events:
            self.delivered += 1
            await self.deliver(event, f"Ev{self.delivered:06}")
        if apply:
            await self.worker.run_once()

    async def deliver(self, event: ChannelEvent, key: str) -> bool:
        """One delivery; False if it came before."""
        return await self._writer.put(inbound_event(event, key, self.clock.now()))

    async def waiting(self) -> int:
        async with self.store.read() as tx:
            return len(await tx.inbox.channel_events(limit=1000))

    def close(self) -> None:
        self._writer.close()

    async def _handle(self, _tx: Transaction, event: ChannelEvent, _at: datetime) -> None:
        if self.handler_errors:
            raise self.handler_errors.pop(0)
        self.told.append(event)


def message(text: str = "it is DNS", *, is_pinned: bool = False, is_marked: bool = False) -> ChannelMessage:
    """A message as it is now."""
    permalink = "https://example.com/p12"
    return ChannelMessage(author=None, text=text, permalink=permalink, is_pinned=is_pinned, is_marked=is_marked)
