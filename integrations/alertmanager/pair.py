"""The Alertmanagers of a pair, which share their silences: where one does not answer, the next is asked."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from domain.alerts.reconciliation import AlertmanagerUptime
from domain.alerts.silences import AlertDetails, Silence
from domain.errors import TemporaryError, UnknownOutcome
from domain.matchers import Matcher
from integrations.alertmanager.client import Alertmanager

_Answer = TypeVar("_Answer")


class AlertmanagerPair:
    """Does what ``Alertmanager`` does, at the member that answered last. Raises what the last member that was asked raises.

    After a lost answer no other member is asked: what was wanted may have been done.
    """

    def __init__(self, members: Sequence[Alertmanager]) -> None:
        self._members = list(members)

    async def create_silence(
        self, matchers: Sequence[Matcher], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
    ) -> str:
        """Create a silence and return its id."""
        return await self._ask(
            lambda each: each.create_silence(matchers, starts_at=starts_at, ends_at=ends_at, by=by, comment=comment)
        )

    async def silences(self) -> tuple[Silence, ...]:
        """Every silence that is stored, expired ones included, newest first."""
        return await self._ask(lambda each: each.silences())

    async def move_end(self, silence: Silence, ends_at: datetime) -> str:
        """Let a silence that is in force end at another time. Returns its id."""
        return await self._ask(lambda each: each.move_end(silence, ends_at))

    async def expire(self, silence_id: str) -> bool:
        """Expire a silence. Returns False if it had already ended or does not exist."""
        return await self._ask(lambda each: each.expire(silence_id))

    async def alert_details(self) -> tuple[AlertDetails, ...]:
        """Every alert that has not ended, with its labels and the silences that hide it."""
        return await self._ask(lambda each: each.alert_details())

    async def uptime(self) -> AlertmanagerUptime:
        """Since when the member that answers has run."""
        return await self._ask(lambda each: each.uptime())

    async def _ask(self, request: Callable[[Alertmanager], Awaitable[_Answer]]) -> _Answer:
        *first, last = self._members
        for member in first:
            try:
                return await request(member)
            except UnknownOutcome:
                raise
            except TemporaryError:
                # The others are asked first from now on.
                self._members.remove(member)
                self._members.append(member)
        return await request(last)
