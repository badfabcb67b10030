"""Incidents on a real database, with the intake of alerts that opens them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from domain.catalogue.catalogue import Catalogue
from domain.incidents.cards import IncidentCard
from domain.incidents.changes import IncidentNote
from domain.incidents.incident import Incident
from domain.incidents.timeline import TimelineEntry
from domain.people import Member
from domain.rich_text import plain_text
from domain.severities import Severity
from runbooks.incidents.listeners import IncidentListeners
from runbooks.incidents.saving import IncidentSaver
from runbooks.incidents.service import Declaration, IncidentRequest, IncidentService, IncidentTransition
from runbooks.incidents.timer_handlers import IncidentTimerHandlers
from runbooks.incidents.watch import WatchEnd, WatchProof
from runbooks.incidents.watch_sources import WatchSources
from runbooks.timers import TimerHandler
from storage.inbox import InboxWriter
from storage.incidents import IncidentRepository
from storage.pages import PageRepository
from storage.store import Store
from storage.tables.incidents import incidents
from storage.timers import Timer
from tests.harness.alerts import ROUTES, AlertsHarness
from tests.harness.samples.team import team_catalogue

CHANNEL = "C0INCIDENTS"


def incidents_catalogue(**overrides: Any) -> Catalogue:
    """A catalogue with alerts that are routed by their ``severity``, and incidents for P0 and P1."""
    alerts = {"default": {"channel": "C0INFO", "severity": "P3"}, "routes": ROUTES}
    return team_catalogue(**{"alerts": alerts, "incidents": {"channel": CHANNEL}} | overrides)


@dataclass
class IncidentsHarness(AlertsHarness):
    """One replica that takes alerts and runs incidents."""

    def __post_init__(self) -> None:
        super().__post_init__()
        current = lambda: self.catalogue  # noqa: E731 -- a reload changes it
        self.saver = IncidentSaver(current)
        listeners = IncidentListeners(self.saver)
        self.store.listeners.on_groups_saved.append(listeners.on_groups_saved)
        self.store.listeners.on_operation_saved.append(listeners.on_operation_saved)
        self.incidents = IncidentService(
            store=self.store, clock=self.clock, catalogue=current, saver=self.saver, notify_outbox=self._wake
        )
        nobody = WatchSources(
            store=self.store, catalogue=current, clusters={}, prometheus=lambda _: None, alertmanager_at=lambda _: None
        )
        self.watch = WatchEnd(self.store, self.clock, self.saver, WatchProof(nobody), self._wake)
        self.clocks = IncidentTimerHandlers(
            store=self.store, saver=self.saver, submit_watch=self._end_watch, notify_outbox=self._wake
        )

    @property
    def handlers(self) -> Mapping[str, TimerHandler]:
        return {**super().handlers, **self.clocks.handlers}

    async def _end_watch(self, timer: Timer, _at: datetime) -> None:
        await self.watch.end(timer.subject)

    async def declare(self, by: Member, title: str = "checkout is failing", severity: str = "P1", **more: Any) -> Incident:
        source = f"click-{next(iter(self.numbers))}"
        values = {"channel": "C0OPS", "environment": "production"} | more
        return await self.incidents.declare(Declaration(title=title, severity=Severity(severity), by=by, source=source, **values))

    async def act(self, incident_id: str, by: Member, transition: IncidentTransition) -> Incident:
        request = IncidentRequest(incident_id=incident_id, by=by, source=f"click-{next(iter(self.numbers))}")
        return await self.incidents.apply(request, transition)

    async def all_incidents(self) -> list[Incident]:
        """Every incident, oldest first."""
        async with self.store.read() as tx:
            return sorted(await tx.of(IncidentRepository).latest(1000), key=lambda each: (each.declared.at, each.id))

    async def incident(self) -> Incident:
        (one,) = await self.all_incidents()
        return one

    async def entries(self, incident_id: str) -> list[TimelineEntry]:
        return list(await self.incidents.entries(incident_id))

    async def said(self) -> list[str]:
        """The text of every note, in order."""
        return [plain_text(each.fact.text) for each in await self.outbox_entries() if isinstance(each.fact, IncidentNote)]

    async def incident_cards(self) -> list[IncidentCard]:
        return [each.fact for each in await self.outbox_entries() if isinstance(each.fact, IncidentCard)]

    async def page_kinds(self, incident_id: str) -> list[str]:
        async with self.store.read() as tx:
            return [page.request.kind for page in await tx.of(PageRepository).of_subject(incident_id)]

    async def open_causes(self) -> list[str]:
        return [cause for (cause,) in await self.rows(select(incidents.c.open_cause)) if cause]


@asynccontextmanager
async def open_incidents_harness(store: Store, catalogue: Catalogue | None = None) -> AsyncIterator[IncidentsHarness]:
    writer = InboxWriter(store.engines.write)
    try:
        yield IncidentsHarness(store, writer, catalogue or incidents_catalogue())
    finally:
        writer.close()
