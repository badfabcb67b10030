"""An Alertmanager that keeps silences in memory, as the house's ``Protocol`` asks for it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from domain.alerts.silences import Silence, SilenceState
from domain.errors import TemporaryError, UnknownOutcome
from domain.matchers import Matcher
from tests.harness.fakes.clock import StoppedClock


@dataclass
class MemoryAlertmanager:
    """``silent`` makes it one that does not answer; ``forgetful`` one that does what is wanted, and whose answer is lost."""

    clock: StoppedClock
    kept: dict[str, Silence] = field(default_factory=dict)
    silent: bool = False
    forgetful: bool = False
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def silence(
        self, matchers: tuple[Matcher, ...], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
    ) -> str:
        self._answer()
        made = Silence(
            id=f"silence-{next(self._numbers)}",
            matchers=matchers,
            starts_at=starts_at,
            ends_at=ends_at,
            by=by,
            comment=comment,
            state=SilenceState.PENDING if starts_at > self.clock.now() else SilenceState.ACTIVE,
        )
        self.kept[made.id] = made
        self._lose("make the silence")
        return made.id

    async def silences(self) -> tuple[Silence, ...]:
        self._answer()
        return tuple(map(self._now, self.kept.values()))

    async def expire(self, silence_id: str, /) -> bool:
        self._answer()
        known = self.kept[silence_id]
        self.kept[silence_id] = replace(known, state=SilenceState.EXPIRED)
        self._lose(f"end the silence {silence_id}")
        return self._now(known).in_force

    def _now(self, kept: Silence) -> Silence:
        return replace(kept, state=SilenceState.EXPIRED) if kept.ends_at <= self.clock.now() else kept

    def _lose(self, attempt: str) -> None:
        if self.forgetful:
            raise UnknownOutcome(f"Alertmanager broke the connection when asked to {attempt}: it may or may not have been done.")

    def _answer(self) -> None:
        if self.silent:
            raise TemporaryError("Alertmanager at alertmanager.example did not answer in time.")
