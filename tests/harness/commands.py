"""Commands on a real database, real operations, and a stand-in cluster with the seeded platform."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from commands.core.request import Request, Services
from commands.registry import CommandRegistry, usage_answer
from domain.alerts.alerts import AlertGroup
from domain.answers.answers import Form, OperationStarted
from domain.audit import AuditRecord
from domain.catalogue.catalogue import Catalogue
from domain.clock import SystemClock
from domain.errors import Refused, UsageError
from domain.facts import Answer
from domain.oncall.calendar import CalendarLinks
from domain.operations.operation import OperationRecord
from domain.people import Member
from domain.redaction import redact
from integrations.kubernetes import ClusterSettings, open_cluster
from runbooks.alerts.service import AlertmanagerLookup, AlertService, SilenceApi
from runbooks.alerts.silence_endings import SilenceEndings
from runbooks.incidents.catchup import CatchupService
from runbooks.incidents.postmortem import PostmortemService
from runbooks.incidents.saving import IncidentSaver
from runbooks.incidents.service import IncidentService
from runbooks.incidents.statistics import StatisticsService
from runbooks.incidents.timeline import TimelineService
from runbooks.leases.service import LeaseService
from runbooks.oncall.reviewer import Reviewer
from runbooks.oncall.service import OncallService
from runbooks.operations.rights import RightsCheck
from runbooks.operations.service import OperationService
from sandbox.cluster import FAST, StandInCluster, platform
from storage.engines import open_engines
from storage.store import Store
from storage.tables import metadata
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.fakes.clock import StoppedClock
from tests.harness.fakes.directory import MemoryDirectory
from tests.harness.fakes.engine import IdleEngine
from tests.harness.fakes.user_groups import MemoryGroups
from tests.harness.families import house_registry
from tests.harness.samples.team import team_catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHarness:
    """Runs commands, and reads what they changed."""

    services: Services
    directory: MemoryDirectory
    engine: IdleEngine
    stand_in: StandInCluster
    clock: StoppedClock
    alertmanagers: dict[str, MemoryAlertmanager]
    """By the address in the catalogue."""
    user_groups: MemoryGroups
    registry: CommandRegistry = field(default_factory=house_registry)
    request_numbers: "count[int]" = field(default_factory=count)

    def request(self, who: Member) -> Request:
        key = f"envelope-{next(self.request_numbers)}"
        return Request(key=key, member=who, channel="C0OPS", at=self.clock.now(), services=self.services)

    async def run_command(self, who: Member, text: str) -> Answer:
        """Type it as this person; every answer is one of the facts that can be shown."""
        answer = await self.answer(self.request(who), text)
        assert isinstance(answer, Answer)
        return answer

    async def answer(self, request: Request, text: str) -> Answer:
        """The answer to this request, errors included."""
        try:
            invocation = self.registry.parse(request.catalogue, text)
        except UsageError as error:
            return usage_answer(error)
        return await self.registry.answer(request, invocation)

    def form(self, text: str) -> Form | None:
        """The form that the text opens."""
        return self.registry.form(self.services.catalogue, self.registry.parse(self.services.catalogue, text))

    async def start_operation(self, who: Member, text: str) -> OperationRecord:
        """Type what begins an operation."""
        answer = await self.run_command(who, text)
        assert isinstance(answer, OperationStarted), answer
        assert answer.record.id in self.engine.started
        return answer.record

    async def save_groups(self, *groups: AlertGroup) -> None:
        """Receive and apply a notification of these alerts."""
        async with self.services.store.write() as tx:
            await tx.alerts.save(groups)

    async def group(self, group_id: str) -> AlertGroup:
        """The stored group."""
        return await self.services.of(AlertService).find(group_id)

    async def audit(self) -> tuple[AuditRecord, ...]:
        async with self.services.store.read() as tx:
            return await tx.audit.search()

    async def no_side_effects(self) -> bool:
        """No operation was started, nobody locked anything, and nothing was written to the cluster."""
        recent = await self.services.of(OperationService).recent()
        async with self.services.store.read() as tx:
            locks = await tx.locks.active(self.clock.now())
        return not recent and not locks and not self.engine.started and not self.stand_in.control.writes()


@cache
def seed_objects() -> list[dict[str, Any]]:
    """The sandbox's platform, seeded once: every cluster copies its objects."""
    return platform(datetime.now(UTC))


@asynccontextmanager
async def open_command_harness(folder: Path, catalogue: Catalogue | None = None) -> AsyncIterator[CommandHarness]:
    """A harness with its database and kubeconfig in ``folder``."""
    clock, engine, known = StoppedClock(), IdleEngine(), catalogue or team_catalogue()
    store = Store(open_engines(f"sqlite:///{folder / 'deepecho.db'}", pooled=False))
    async with store.engines.write.begin() as connection:
        await connection.run_sync(metadata.create_all)
    directory = MemoryDirectory()
    rights = RightsCheck(store=store, clock=clock, directory=directory, catalogue=lambda: known)
    operations = OperationService(engine, store, clock, lambda: known, rights, lambda: None)
    user_groups = MemoryGroups()
    alertmanagers = {address: MemoryAlertmanager(clock) for address in known.alertmanager_addresses}
    alerts = AlertService(
        store=store,
        clock=clock,
        catalogue=lambda: known,
        alertmanager=_alertmanager_lookup(known, alertmanagers),
        notify_outbox=lambda: None,
    )
    incident_services = _incident_services(store, clock, known, directory)
    reviewer = Reviewer(store=store, clock=clock, catalogue=lambda: known, notify_outbox=lambda: None)
    oncall = OncallService(store=store, clock=clock, catalogue=lambda: known, reviewer=reviewer, notify_outbox=lambda: None)
    async with StandInCluster(pace=FAST) as stand_in:
        stand_in.seed(seed_objects())
        settings = ClusterSettings(name="main", kubeconfig=str(stand_in.kubeconfig(folder / "kubeconfig")), total_timeout=5)
        async with open_cluster(settings, SystemClock(), redact=redact) as cluster:
            leases = LeaseService(
                store=store,
                clock=clock,
                catalogue=lambda: known,
                alertmanager=_alertmanager_lookup(known, alertmanagers),
                clusters={"main": cluster},
                user_groups=user_groups,
            )
            services = Services(
                catalogue=known,
                clock=clock,
                store=store,
                directory=directory,
                clusters={"main": cluster},
                family_services={
                    OperationService: operations,
                    AlertService: alerts,
                    SilenceEndings: SilenceEndings(alerts=alerts),
                    OncallService: oncall,
                    LeaseService: leases,
                    CalendarLinks: CalendarLinks("https://deepecho.example.com", (b"a secret of the tests only",)),
                    **incident_services,
                },
            )
            yield CommandHarness(
                services=services,
                directory=directory,
                engine=engine,
                stand_in=stand_in,
                clock=clock,
                alertmanagers=alertmanagers,
                user_groups=user_groups,
            )
    await store.close()


def _incident_services(
    store: Store, clock: StoppedClock, catalogue: Catalogue, directory: MemoryDirectory
) -> Mapping[type, object]:
    saver = IncidentSaver(lambda: catalogue)
    services: tuple[object, ...] = (
        IncidentService(store=store, clock=clock, catalogue=lambda: catalogue, saver=saver, notify_outbox=lambda: None),
        CatchupService(store=store, clock=clock, saver=saver, directory=directory, notify_outbox=lambda: None),
        TimelineService(store=store, clock=clock, directory=directory, notify_outbox=lambda: None),
        PostmortemService(store=store, clock=clock, directory=directory, notify_outbox=lambda: None),
        StatisticsService(store=store, clock=clock, catalogue=lambda: catalogue, notify_outbox=lambda: None),
    )
    return {type(service): service for service in services}


def _alertmanager_lookup(catalogue: Catalogue, known: dict[str, MemoryAlertmanager]) -> AlertmanagerLookup:
    def alertmanager(environment: str, source: str = "", /) -> SilenceApi:
        addresses = catalogue.alertmanagers_of(environment, source)
        if not addresses:
            raise Refused(f"The catalogue names no Alertmanager of {environment or 'this alert'}.")
        return known[addresses[0]]

    return alertmanager
