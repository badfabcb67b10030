"""Replicas that keep maintenance windows on one database, with an Alertmanager beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from domain.catalogue.catalogue import Catalogue
from domain.health import HealthLine
from domain.maintenance import transitions
from domain.maintenance.schedule import with_told_ahead
from domain.maintenance.scope import parse_scopes
from domain.maintenance.window import MaintenanceWindow, WindowNote, WindowState
from domain.people import Person
from runbooks.maintenance.health import WindowHealth
from runbooks.maintenance.jobs import JobCluster, WindowJobRunner
from runbooks.maintenance.service import MAINTENANCE, MaintenanceService
from runbooks.maintenance.silences import WindowSilenceApi, WindowSilencer
from runbooks.timers import TimerDispatcher
from storage.maintenance import JOBS as JOB_TIMER
from storage.maintenance import SILENCES, WINDOW_CARD, WINDOW_HEALTH, WINDOW_NOTE, MaintenanceRepository
from storage.store import Store, Transaction
from storage.tables.core import outbox
from storage.timers import Timer
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.team import ANA, alerting_catalogue

SCOPE = "alertname=HighErrorRate,RedisDown service=deep-echo-main"
LENGTH = timedelta(hours=1)


JOBS = {
    "backup": {"cronjob": "postgres-backup", "minutes": 15},
    "verification": {"cronjob": "smoke-test", "minutes": 5},
}


def catalogue_with_jobs() -> Catalogue:
    """Maintenance of staging has a backup and a verification."""
    data = alerting_catalogue().model_dump(mode="json", exclude_none=True)
    data["environments"]["staging"]["maintenance"] = JOBS
    return Catalogue.model_validate(data)


@dataclass
class MaintenanceReplica:
    """One replica. Its Alertmanager is that of every environment."""

    store: Store
    clock: StoppedClock
    alertmanager: WindowSilenceApi
    replica: str = "replica"
    catalogue: Catalogue = field(default_factory=alerting_catalogue)

    clusters: Mapping[str, JobCluster] = field(default_factory=dict)
    environment: str = "staging"
    health: tuple[HealthLine, ...] = ()
    on_call: tuple[Person, ...] = ()
    has_grafana: bool = False

    @property
    def service(self) -> MaintenanceService:
        async def responders(_tx: Transaction) -> tuple[Person, ...]:
            return self.on_call

        return MaintenanceService(self.store, self.clock, lambda: None, responders, lambda _: self.has_grafana)

    async def measure(self, _environment: str) -> tuple[HealthLine, ...]:
        return self.health

    async def plan(self, key: str = "plan", scope: str = SCOPE, starts_in: timedelta = timedelta()) -> MaintenanceWindow:
        """A window of an hour in staging, which shares its Alertmanager with development."""
        at = self.clock.now() + starts_in

        def make(window_id: str) -> MaintenanceWindow:
            window = MaintenanceWindow(
                id=window_id,
                source=key,
                environment=self.environment,
                work="RDS minor upgrade",
                owner=ANA.person,
                channel="C0OPS",
                planned_at=self.clock.now(),
                starts_at=at,
                ends_at=at + LENGTH,
                state=WindowState.PLANNED,
                scopes=parse_scopes(scope),
            )
            return with_told_ahead(window, self.clock.now())

        return await self.service.plan(make, source=key, by=ANA.person)

    async def end(self, window: MaintenanceWindow) -> MaintenanceWindow:
        return await self.service.change(
            window.id, "end", lambda now, at: transitions.end(now, ANA.person, at), source="end", by=ANA.person
        )

    async def extend(self, window: MaintenanceWindow, more: timedelta, key: str = "extend") -> MaintenanceWindow:
        return await self.service.change(
            window.id, "extend", lambda now, _: transitions.extend(now, ANA.person, more), source=key, by=ANA.person
        )

    async def tick(self) -> None:
        """Run what is due, and what that makes due."""
        silencer = WindowSilencer(self.store, self.clock, lambda: self.catalogue, lambda _: self.alertmanager, lambda: None)

        async def work(timer: Timer, _at: datetime) -> None:
            await silencer.work(timer)

        meter = WindowHealth(self.store, self.clock, self.measure, lambda: None)

        async def work_on_health(timer: Timer, _at: datetime) -> None:
            await meter.work(timer)

        runner = WindowJobRunner(
            store=self.store,
            clock=self.clock,
            catalogue=lambda: self.catalogue,
            clusters=self.clusters,
            notify_outbox=lambda: None,
        )

        async def work_on_jobs(timer: Timer, _at: datetime) -> None:
            await runner.work(timer)

        handlers = {
            MAINTENANCE: self.service.run_due,
            SILENCES: work,
            JOB_TIMER: work_on_jobs,
            WINDOW_HEALTH: work_on_health,
        }
        dispatcher = TimerDispatcher(store=self.store, clock=self.clock, replica=self.replica, handlers=handlers)
        for _ in range(3):
            await dispatcher.run_due()

    async def find(self, window: MaintenanceWindow) -> MaintenanceWindow:
        return await self.service.find(window.id)

    async def is_frozen(self) -> bool:
        async with self.store.read() as tx:
            return await tx.of(MaintenanceRepository).freeze("staging", self.clock.now()) is not None

    async def notes(self) -> list[str]:
        """The replies in the threads of all windows, in their order."""
        return [str(note.text) for note in await self.note_facts()]

    async def note_facts(self) -> list[WindowNote]:
        """The same replies with their logs."""
        return [WINDOW_NOTE.load(text) for text in await self._facts(WINDOW_NOTE.name)]

    async def card(self) -> str:
        """The newest card that was to be drawn, as it is stored."""
        return (await self._facts(WINDOW_CARD.name))[-1]

    async def _facts(self, kind: str) -> list[str]:
        async with self.store.engines.read.connect() as connection:
            rows = await connection.execute(select(outbox.c.fact).where(outbox.c.kind == kind).order_by(outbox.c.id))
            return list(rows.scalars())

    def at(self, moment: datetime) -> "MaintenanceReplica":
        """A process that is started at this time."""
        return replace(self, clock=StoppedClock(moment))
