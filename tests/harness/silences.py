"""The story of a silence that lifts itself: made, extended, named before its end, tripped. Each step is told by state."""

import json
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from domain.alerts.alerts import AlertGroup, AlertNote
from domain.alerts.silence_endings import SilenceEnding, on_call_time, owner_time
from domain.alerts.silences import OnNew
from domain.alerts.tripwires import TripwireChoice
from domain.catalogue.catalogue import Catalogue
from domain.leases.lease import Reality
from runbooks.alerts.service import AlertRequest, AlertService
from runbooks.alerts.silence_endings import SilenceEndings
from runbooks.alerts.silence_reminders import SilenceReminders
from runbooks.alerts.timers import CHECK_INTERVAL, SILENCE_ENDING, SILENCE_ENDING_AT_NIGHT, TRIPWIRES
from runbooks.alerts.tripwires import Tripwires, TripwireSources
from runbooks.leases.service import LeaseService
from storage.store import Store
from storage.tables.core import outbox, timers
from storage.timers import Timer
from tests.harness.alerts import ROUTES
from tests.harness.fakes.clock import StoppedClock
from tests.harness.fakes.user_groups import MemoryGroups
from tests.harness.families import load
from tests.harness.paging import PEOPLE, TEAM
from tests.harness.samples.team import ALERTMANAGER, ANA, catalogue_data, team_catalogue

SPAN, EXTENSION = timedelta(hours=8), timedelta(hours=1)


def catalogue_at(end: datetime) -> Catalogue:
    """One in which it is night when a silence ends then."""
    night = {"begins": f"{end - EXTENSION:%H:%M}", "ends": f"{end + EXTENSION:%H:%M}"}
    alerts = {"default": {"channel": "C0INFO", "severity": "P3"}, "routes": ROUTES, "night": night}
    environments = catalogue_data()["environments"]
    environments["production"]["alertmanager"] = ALERTMANAGER
    return team_catalogue(people=PEOPLE, oncall={"platform": TEAM | {"zone": "UTC"}}, alerts=alerts, environments=environments)


def fire(address: str, **labels: str) -> None:
    """Send an alert that goes on until it is told to end."""
    alert = {"labels": labels, "endsAt": (datetime.now(UTC) + timedelta(hours=3)).isoformat()}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/v2/alerts", json.dumps([alert]).encode(), headers)  # noqa: S310 -- our own server
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 -- our own server


@dataclass
class SilenceReplica:
    """``alertmanager`` is a client, or what stands in its place; ``address`` is where alerts are sent."""

    store: Store
    clock: StoppedClock
    alertmanager: Any
    address: str

    def __post_init__(self) -> None:
        catalogue = catalogue_at(self.clock.now() + SPAN + EXTENSION)
        lookup: Callable[..., Any] = lambda *_: self.alertmanager  # noqa: E731
        parts: dict[str, Any] = {
            "store": self.store,
            "clock": self.clock,
            "catalogue": lambda: catalogue,
            "alertmanager": lookup,
        }
        self.service = AlertService(**parts, notify_outbox=lambda: None)
        self.endings = SilenceEndings(alerts=self.service)
        reminders = SilenceReminders(**parts, notify_outbox=lambda: None)
        tripwires = Tripwires(
            self.store, self.clock, TripwireSources(catalogue=lambda: catalogue, alertmanager=lookup), lambda: None
        )
        self.work: Mapping[str, Callable[[Timer], Awaitable[None]]] = {
            SILENCE_ENDING: reminders.work,
            SILENCE_ENDING_AT_NIGHT: reminders.work,
            TRIPWIRES: tripwires.check,
        }

    async def tell(self, group_id: str) -> None:
        """Everything that has not happened yet."""
        group = await self.service.find(group_id)
        if group.silence is None and not (await self.said(group_id))["Lifted"]:
            choice = TripwireChoice(on_new=OnNew.LIFT)
            group = await self.service.silence(self._request(group_id, "silence"), SPAN, "known", choice)
        if group.silence is not None and group.silence.extended_by is None:
            group = await self.endings.extend(self._request(group_id, "extend"), group.silence.until + EXTENSION)
        if group.silence is not None:
            await self._wait_for(group, owner_time(group.silence))
            await self._wait_for(group, on_call_time(group.silence))
        fire(self.address, **group.labels, environment="production", pod="second")
        await self._wait_for(group, self.clock.now() + CHECK_INTERVAL)

    async def _wait_for(self, group: AlertGroup, at: datetime) -> None:
        self.clock.advance(max(at - self.clock.now(), timedelta()))
        for timer in await self.due(group):
            await self.work[timer.kind](timer)

    async def due(self, group: AlertGroup) -> list[Timer]:
        """Timers of the group and of its place, due at any time."""
        async with self.store.read() as tx:
            every = await tx.timers.due(self.clock.now(), limit=999)
        return [each for each in every if each.kind in self.work and (each.subject == group.id or each.kind == TRIPWIRES)]

    async def timers_left(self, group_id: str) -> int:
        async with self.store.engines.read.connect() as connection:
            kinds = (await connection.execute(select(timers.c.kind, timers.c.subject))).all()
        return sum(subject == group_id for _, subject in kinds)

    async def said(self, group_id: str) -> Counter[str]:
        """How many messages of each kind there are: the first word of a note, whom an ending was told."""
        async with self.store.engines.read.connect() as connection:
            rows = (await connection.execute(select(outbox).where(outbox.c.key.like(f"{group_id}/%")))).all()
        found = {row.key: load(row.kind, row.version, row.fact) for row in rows}
        words = Counter(str(fact.text).partition(" ")[0].rstrip(":") for fact in found.values() if isinstance(fact, AlertNote))
        return words + Counter(fact.team or "owner" for fact in found.values() if isinstance(fact, SilenceEnding))

    async def decisions(self, group_id: str) -> list[str]:
        """What everybody who was told of the end reads now."""
        async with self.store.engines.read.connect() as connection:
            statement = select(outbox).where(outbox.c.key.like(f"{group_id}/ending/%")).order_by(outbox.c.id)
            rows = (await connection.execute(statement)).all()
        return [str(fact.decision) for fact in {row.key: load(row.kind, row.version, row.fact) for row in rows}.values()]

    async def leases(self) -> tuple[list[Reality], int]:
        """What the comparison with Alertmanager says of what is recorded, and how many orphans there are."""
        service = LeaseService(
            store=self.store,
            clock=self.clock,
            catalogue=lambda: catalogue_at(self.clock.now()),
            alertmanager=lambda *_: self.alertmanager,
            clusters={},
            user_groups=MemoryGroups(),
        )
        answer = await service.compare(["production"])
        return [each.reality for each in answer.readings], len(answer.orphans)

    def _request(self, group_id: str, source: str) -> AlertRequest:
        return AlertRequest(group=group_id, by=ANA, source=f"{group_id}/{source}")
