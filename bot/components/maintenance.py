"""Maintenance: windows that are announced and freeze an environment for their time."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox
from bot.connections.clusters import Clusters
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from bot.interactions.buttons import command_with_id
from bot.views import maintenance as views
from bot.views.render import timeless
from commands.maintenance import maintenance
from commands.maintenance.fields import FIELDS
from domain.answers.maintenance import WindowAnswer, WindowsAnswer
from domain.catalogue.catalogue import Catalogue
from domain.clock import SystemClock
from domain.dashboards.annotations import Annotation
from domain.errors import DeepechoError
from domain.health import HealthCheck
from domain.maintenance.annotation import annotation_of_window
from domain.maintenance.window import MaintenanceWindow, WindowNote
from domain.oncall.schedule import assignments
from domain.people import Person
from runbooks.digest.measuring import HealthReader
from runbooks.housekeeping import Prune
from runbooks.maintenance.health import WindowCheck, WindowHealth
from runbooks.maintenance.jobs import WindowJobRunner
from runbooks.maintenance.pages import WindowPages
from runbooks.maintenance.service import MAINTENANCE as TIMER
from runbooks.maintenance.service import MaintenanceService
from runbooks.maintenance.silences import WindowSilencer
from runbooks.queued_timers import QueuedTimers
from storage.maintenance import JOBS, SILENCES, WINDOW_CARD, WINDOW_HEALTH, WINDOW_NOTE, MaintenanceRepository
from storage.oncall import OncallRepository
from storage.store import Transaction


def build_maintenance(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What keeps the windows. Their freeze needs nothing that runs: storage tells it by the clock."""

    async def responders(tx: Transaction) -> tuple[Person, ...]:
        return await _on_call(core, tx)

    def annotates(environment: str) -> bool:
        known = core.current_catalogue().environments.get(environment)
        return known is not None and bool(known.grafana)

    service = MaintenanceService(core.store, core.clock, notify_outbox, responders, annotates)
    silencer = WindowSilencer(core.store, core.clock, core.current_catalogue, core.monitoring.alertmanager, notify_outbox)
    silences = QueuedTimers("silences of a window", core.clock, silencer.work)
    runner = WindowJobRunner(
        store=core.store,
        clock=core.clock,
        catalogue=core.current_catalogue,
        clusters=core.clusters,
        notify_outbox=notify_outbox,
    )
    jobs = QueuedTimers("jobs of a window", core.clock, runner.work)
    meter = WindowHealth(core.store, core.clock, HealthReader(core.health, core.clock).measure, notify_outbox)
    health = QueuedTimers("health of a window", core.clock, meter.work)
    return FamilyComponents(
        services={MaintenanceService: service},
        health_checks=(HealthCheck(name="maintenance", run=WindowCheck(core.store, core.clock).check),),
        hold_page=WindowPages(core.current_catalogue).hold,
        annotation_sources={"mw": _annotation},
        tasks=(
            BackgroundTask("maintenance-silences", silences.run),
            BackgroundTask("maintenance-jobs", jobs.run),
            BackgroundTask("maintenance-health", health.run),
        ),
        timer_handlers={
            TIMER: service.run_due,
            SILENCES: silences.submit,
            JOBS: jobs.submit,
            WINDOW_HEALTH: health.submit,
        },
    )


async def _on_call(core: CoreComponents, tx: Transaction) -> tuple[Person, ...]:
    """Who is on call now in the first team of the catalogue."""
    catalogue, now = core.current_catalogue(), core.clock.now()
    if not (team := catalogue.team_of("")):
        return ()
    assigned = assignments(await tx.of(OncallRepository).roster(catalogue, team, now), now)
    names = dict.fromkeys(name for each in assigned for name in each.people if name in catalogue.people)
    return tuple(Person(catalogue.people[name].slack, catalogue.workspaces[0]) for name in names if catalogue.people[name].slack)


async def _annotation(tx: Transaction, subject: str) -> Annotation | None:
    window = await tx.of(MaintenanceRepository).get(subject)
    return annotation_of_window(window) if window else None


async def check_jobs(settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """Whether the CronJobs are there from which backups and verifications are made, and whether their Jobs may be listed."""
    async with AsyncExitStack() as stack:
        clusters = Clusters(stack, SystemClock(), settings.catalogue.parent)
        await clusters.open_connections(catalogue)
        for name, environment in catalogue.environments.items():
            policy = environment.maintenance
            for purpose, config in (("backup", policy.backup), ("verification", policy.verification)):
                if config is None:
                    continue
                subject = f"{purpose} of {name}"
                try:
                    cluster = clusters[environment.cluster]
                    await cluster.require_cron_job(environment.namespace, config.cronjob)
                    await cluster.running_jobs(environment.namespace, config.cronjob)
                except DeepechoError as error:
                    yield CheckResult(subject, ok=False, detail=str(error))
                else:
                    yield CheckResult(subject, ok=True, detail=f"CronJob {config.cronjob} is there")


def _fallback_channel(window: MaintenanceWindow, catalogue: Catalogue, unusable: str) -> str:
    """The environment's channel, else whoever planned it."""
    environment = catalogue.environments.get(window.environment)
    channel = environment.channel if environment is not None else ""
    return channel if channel and channel != unusable else window.owner.user_id


MAINTENANCE = Family(
    name="maintenance",
    routers=(maintenance.router,),
    form_fields=FIELDS,
    id_prefix="mw",
    fact_kinds=(WINDOW_CARD, WINDOW_NOTE),
    views={
        MaintenanceWindow: timeless(views.card),
        WindowNote: timeless(views.note),
        WindowAnswer: timeless(views.window_answer),
        WindowsAnswer: timeless(views.windows),
    },
    buttons={
        views.APPROVE: command_with_id("maintenance approve"),
        views.END: command_with_id("maintenance end"),
        views.CANCEL: command_with_id("maintenance cancel"),
        views.BACKUP: command_with_id("maintenance backup"),
        views.SKIP_BACKUP: command_with_id("maintenance skip-backup"),
    },
    fallback_channels={MaintenanceWindow: _fallback_channel},
    home_sections=(maintenance.home_section,),
    prunes=(Prune(lambda kept: kept.operations, lambda tx, before: tx.of(MaintenanceRepository).prune(before)),),
    subjects=(lambda tx, ids: tx.of(MaintenanceRepository).known_ids(ids),),
    checks=(check_jobs,),
    build=build_maintenance,
)
