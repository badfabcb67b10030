"""A group that people silence, and what everybody is told of the end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from domain.alerts.alerts import AlertGroup
from domain.alerts.silence_endings import SilenceEnding
from domain.alerts.silences import Silence, SilenceState
from domain.alerts.tripwires import TripwireChoice
from domain.catalogue.catalogue import Catalogue
from domain.errors import Forbidden
from domain.people import Member
from runbooks.alerts.service import AlertRequest, AlertService
from runbooks.alerts.silence_endings import SilenceEndings
from runbooks.alerts.silence_reminders import SilenceReminders
from runbooks.alerts.timers import SILENCE_ENDING, SILENCE_ENDING_AT_NIGHT, SILENCE_EXTENSION
from storage.leases import LeaseRepository
from storage.timers import Timer
from storage.tripwires import TripwireRepository
from tests.harness.alerts import ROUTES, AlertsHarness
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.families import render_text
from tests.harness.paging import PEOPLE, TEAM
from tests.harness.samples.team import ANA, team_catalogue

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UNTIL_NIGHT = 8 * HOUR
"""From 15:02 on a Monday in Berlin to 23:02."""
LABELS = {"alertname": "HighErrorRate", "environment": "production", "severity": "warning"}


@dataclass
class RacedAlertmanager(MemoryAlertmanager):
    """As the real one: who posts a silence with the id of one that has ended gets another one.

    The other fields are what happens meanwhile, and the id of a silence that it does not let us end.
    """

    before_move: Callable[[], Awaitable[Any]] | None = None
    after_move: Callable[[], Awaitable[Any]] | None = None
    before_expire: Callable[[], Awaitable[Any]] | None = None
    denies: str = ""
    asked: int = 0

    async def move_end(self, silence: Silence, ends_at: datetime, /) -> str:
        self._raise_if_unreachable()
        if (meanwhile := self.before_move) is not None:
            self.before_move = None
            await meanwhile()
        moved = silence.id
        if self._current(self.stored[silence.id]).in_force:
            self.stored[silence.id] = replace(self.stored[silence.id], ends_at=ends_at)
        else:
            moved = await super().create_silence(
                silence.matchers, starts_at=silence.starts_at, ends_at=ends_at, by=silence.by, comment=silence.comment
            )
        if (meanwhile := self.after_move) is not None:
            self.after_move = None
            await meanwhile()
        self._raise_if_response_lost(f"move the end of the silence {silence.id}")
        return moved

    async def expire(self, silence_id: str, /) -> bool:
        if silence_id == self.denies:
            raise Forbidden("Alertmanager refused to end the silence: 403.")
        if (meanwhile := self.before_expire) is not None:
            self.before_expire = None
            await meanwhile()
        return await super().expire(silence_id)

    async def alert_details(self) -> Any:
        self.asked += 1
        return await super().alert_details()


@dataclass
class Ending:
    """A group with one alert that fires, which people silence."""

    alerts: AlertsHarness
    alertmanager: RacedAlertmanager
    service: AlertService
    endings: SilenceEndings
    reminders: SilenceReminders

    async def silence(self, span: timedelta, choice: TripwireChoice | None = None) -> None:
        await self.service.silence(await self.request(ANA, "silence"), span, "", choice or TripwireChoice())

    async def request(self, by: Member, source: str) -> AlertRequest:
        return AlertRequest(group=(await self.alerts.group()).id, by=by, source=source)

    async def extend(self, span: timedelta, by: Member = ANA, source: str = "extend") -> AlertGroup:
        applied = (await self.alerts.group()).silence
        assert applied is not None
        return await self.endings.extend(await self.request(by, source), applied.until + span)

    async def let_end(self, by: Member = ANA) -> AlertGroup:
        return await self.endings.let_end(await self.request(by, "let-end"))

    async def pass_time(self, span: timedelta) -> list[str]:
        """Let time pass, and do what is due then."""
        self.alerts.clock.advance(span)
        return [timer.kind for timer in await self.due() if await self.work(timer)]

    async def work(self, timer: Timer) -> bool:
        handler = self.alerts.handlers.get(timer.kind)
        if timer.kind == SILENCE_EXTENSION:
            await self.endings.settle(timer)
        elif handler is None:
            await self.reminders.work(timer)
        else:
            await handler(timer, self.alerts.clock.now())
        return True

    async def due(self) -> list[Timer]:
        known = {SILENCE_ENDING, SILENCE_ENDING_AT_NIGHT, SILENCE_EXTENSION, *self.alerts.handlers}
        async with self.alerts.store.read() as tx:
            return [each for each in await tx.timers.due(self.alerts.clock.now(), limit=99) if each.kind in known]

    async def told(self) -> dict[tuple[str, str], list[str]]:
        """What each was told, by channel and by person: the newest of each message."""
        newest = {
            each.key: (each.channel, each.fact)
            for each in await self.alerts.outbox_entries()
            if isinstance(each.fact, SilenceEnding)
        }
        found: dict[tuple[str, str], list[str]] = {}
        for channel, fact in newest.values():
            found.setdefault((channel, fact.told.user_id), []).append(render_text(fact))
        return found

    async def recorded(self) -> tuple[datetime | None, list[datetime], list[datetime]]:
        """The end of the silence by the group, by its lease and by its tripwire."""
        at = self.alerts.clock.now()
        async with self.alerts.store.read() as tx:
            leases = await tx.of(LeaseRepository).standing(["production"], at)
            tripwires = await tx.of(TripwireRepository).standing("production", "", at)
        applied = (await self.alerts.group()).silence
        return applied.until if applied else None, [each.until for each in leases], [each.until for each in tripwires]

    def held(self) -> list[datetime]:
        """The ends of what Alertmanager has."""
        return [each.ends_at for each in self.alertmanager.stored.values() if each.state is SilenceState.ACTIVE]


def opened_ending(alerts: AlertsHarness) -> Ending:
    alertmanager, store, clock = RacedAlertmanager(alerts.clock), alerts.store, alerts.clock
    alertmanager.labels["a"] = LABELS
    parts: dict[str, Any] = {
        "store": store,
        "clock": clock,
        "catalogue": lambda: alerts.catalogue,
        "alertmanager": lambda *_: alertmanager,
        "notify_outbox": lambda: None,
    }
    service = AlertService(**parts)
    return Ending(alerts, alertmanager, service, SilenceEndings(alerts=service), SilenceReminders(**parts))


def catalogue(**night: str) -> Catalogue:
    """Ana and Lee take turns in Berlin."""
    alerts = {"default": {"channel": "C0INFO", "severity": "P3"}, "routes": ROUTES, "night": night}
    return team_catalogue(people=PEOPLE, oncall={"platform": TEAM}, alerts=alerts)


OWNER, THREAD, ON_CALL = ANA.person.user_id, "C0WARNING", "U0ANA"
