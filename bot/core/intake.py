"""Where every door hands in what arrived: on the disk first, then to the workers, then the door may acknowledge."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from domain.clock import Clock
from domain.errors import TemporaryError
from domain.inbound import InboundMessage

MAX_QUEUED_MESSAGES = 2000
"""Deliveries that wait for a worker. More would not be answered while anybody still looks at the screen."""


class InboundWriter(Protocol):
    """What keeps deliveries: ``storage.inbox.InboxWriter``."""

    async def put(self, inbound: InboundMessage) -> bool:
        """Keep it; False where it was there already. Raises ``TemporaryError``."""
        ...


class Overloaded(TemporaryError):
    """So much waits already that this would not be answered in time. Nothing was kept."""


class Intake:
    """Keeps deliveries durably and passes new ones on."""

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
        """Return once the delivery is on the disk. One that came before is recognised and goes no further.

        Raises ``TemporaryError`` where it could not be kept; then the door must not acknowledge it.
        """
        if self._queue_length() >= MAX_QUEUED_MESSAGES:
            raise Overloaded("Too much is waiting already. Nothing was kept; try again in a minute.")
        if await self._writer.put(inbound):
            self.stored += 1
            self._submit(inbound)
        else:
            self.duplicates += 1
