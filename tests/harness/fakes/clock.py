from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


class StoppedClock:
    """A clock that goes on when it is told to."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, span: timedelta) -> None:
        self._now += span
