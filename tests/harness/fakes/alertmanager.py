"""An Alertmanager that keeps silences and alerts in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from domain.alerts.alerts import Alert
from domain.alerts.reconciliation import AlertmanagerUptime, ListedAlert
from domain.alerts.silences import AlertDetails, Silence, SilenceState
from domain.errors import Refused, TemporaryError, UnknownOutcome
from domain.matchers import Matcher, matches
from tests.harness.fakes.clock import NOW, StoppedClock


@dataclass
class MemoryAlertmanager:
    """``silent`` makes it one that does not answer; ``forgetful`` one that does what is wanted, and whose answer is lost."""

    clock: StoppedClock
    stored: dict[str, Silence] = field(default_factory=dict)
    unreachable: bool = False
    loses_responses: bool = False
    alerts: dict[str, ListedAlert] = field(default_factory=dict)
    labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Of the alerts that fire, by fingerprint."""
    refuses_after: int = 10_000
    """How many silences it makes before it refuses more."""
    hides_everything: bool = False
    """As a bug of Alertmanager's has silences do."""
    started_at: datetime = NOW - timedelta(days=1)
    settled: bool = True
    times_asked: int = 0
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def create_silence(
        self, matchers: tuple[Matcher, ...], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
    ) -> str:
        self._raise_if_unreachable()
        if len(self.stored) >= self.refuses_after:
            raise Refused("Alertmanager refused to make the silence: at least one matcher must not match the empty string.")
        created = Silence(
            id=f"silence-{next(self._numbers)}",
            matchers=matchers,
            starts_at=starts_at,
            ends_at=ends_at,
            by=by,
            comment=comment,
            state=SilenceState.PENDING if starts_at > self.clock.now() else SilenceState.ACTIVE,
        )
        self.stored[created.id] = created
        self._raise_if_response_lost("make the silence")
        return created.id

    async def silences(self) -> tuple[Silence, ...]:
        self._raise_if_unreachable()
        return tuple(map(self._current, self.stored.values()))

    async def move_end(self, silence: Silence, ends_at: datetime, /) -> str:
        self._raise_if_unreachable()
        self.stored[silence.id] = replace(self.stored[silence.id], ends_at=ends_at)
        self._raise_if_response_lost(f"move the end of the silence {silence.id}")
        return silence.id

    async def expire(self, silence_id: str, /) -> bool:
        self._raise_if_unreachable()
        known = self.stored[silence_id]
        if self._current(known).in_force:
            self.stored[silence_id] = replace(known, state=SilenceState.EXPIRED, ends_at=self.clock.now())
        self._raise_if_response_lost(f"end the silence {silence_id}")
        return self._current(known).in_force

    async def listed_alerts(self) -> Mapping[str, ListedAlert]:
        self.times_asked += 1
        self._raise_if_unreachable()
        return dict(self.alerts)

    async def alert_details(self) -> tuple[AlertDetails, ...]:
        self._raise_if_unreachable()
        standing = [each for each in await self.silences() if each.in_force]
        return tuple(
            AlertDetails(fingerprint=name, labels=labels, silenced_by=tuple(s.id for s in standing if self._hides(s, labels)))
            for name, labels in self.labels.items()
        )

    def _hides(self, silence: Silence, labels: Mapping[str, str]) -> bool:
        return self.hides_everything or all(matches(each, labels) for each in silence.matchers)

    async def uptime(self) -> AlertmanagerUptime:
        self._raise_if_unreachable()
        return AlertmanagerUptime(started_at=self.started_at, settled=self.settled)

    def hear(self, *alerts: Alert) -> None:
        """Prometheus sends these alerts now. What has ended is no longer listed."""
        for each in alerts:
            self.alerts.pop(each.fingerprint, None)
            if each.firing:
                self.alerts[each.fingerprint] = ListedAlert(each.starts_at, self.clock.now())

    def restart(self) -> None:
        """It starts without any alert."""
        self.alerts.clear()
        self.started_at = self.clock.now()

    def _current(self, silence: Silence) -> Silence:
        return replace(silence, state=SilenceState.EXPIRED) if silence.ends_at <= self.clock.now() else silence

    def _raise_if_response_lost(self, attempt: str) -> None:
        if self.loses_responses:
            raise UnknownOutcome(f"Alertmanager broke the connection when asked to {attempt}: it may or may not have been done.")

    def _raise_if_unreachable(self) -> None:
        if self.unreachable:
            raise TemporaryError("Alertmanager at alertmanager.example did not answer in time.")
