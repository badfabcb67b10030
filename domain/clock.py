"""The clock, as a value that is passed in: no other code asks the machine for the time."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The source of the present time."""

    def now(self) -> datetime:
        """The present time, with its zone, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)
