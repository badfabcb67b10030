"""Common path of all inbound messages: store the message, pass it to the workers, then let the endpoint acknowledge it."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from domain.clock import Clock
from domain.errors import TemporaryError
from domain.inbound import InboundMessage

MAX_QUEUED_MESSAGES = 2000
"""Messages that wait for a worker. Beyond this a person would wait for the answer longer than they look at the screen."""


class InboundWriter(Protocol):
    """Stores inbound messages; implemented by ``storage.inbox.InboxWriter``."""

    async def put(self, inbound: InboundMessage) -> bool:
        """Store a message; False for a duplicate. Raises ``TemporaryError``."""
        ...


class Overloaded(TemporaryError):
    """The queue is too long for an answer in time. The message was not stored."""


class Intake:
    """Stores inbound messages durably and submits new ones to the workers."""

    def __init__(
        self, writer: InboundWriter, clock: Clock, submit: Callable[[InboundMessage], None], queue_length: Callable[[], int]
    ) -> None:
        self._writer, self._clock, self._submit, self._queue_length = writer, clock, submit, queue_length
        self.stored = 0
        self.duplicates = 0

    def now(self) -> datetime:
        """The time of arrival."""
        return self._clock.now()

    async def accept(self, inbound: InboundMessage) -> None:
        """Return once the message is committed. A duplicate is counted and not submitted again.

        Raises ``TemporaryError`` where it was not stored; the caller must not acknowledge it then.
        """
        if self._queue_length() >= MAX_QUEUED_MESSAGES:
            raise Overloaded("Too much is waiting already. Nothing was kept; try again in a minute.")
        if await self._writer.put(inbound):
            self.stored += 1
            self._submit(inbound)
        else:
            self.duplicates += 1
