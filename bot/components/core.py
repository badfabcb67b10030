"""Every part of the process, made and connected; nothing is opened, sent or written here. ``bot.wiring`` opens them."""

import random
import secrets
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime

from slack_bolt.async_app import AsyncApp

from bot.charts import Charts
from bot.components.alerts import AlertComponents, build_alert_components
from bot.connections.clusters import Clusters
from bot.connections.monitoring import MonitoringServers
from bot.core.catalogue_file import CatalogueFile
from bot.core.intake import Intake
from bot.core.settings import Settings
from bot.delivery.metrics import OutboxMetrics
from bot.delivery.retries import RetryPolicy
from bot.delivery.worker import OutboxWorker
from bot.interactions.dispatcher import Dispatcher, DispatcherDependencies
from bot.interactions.reload import Reload, reload_router
from bot.interactions.unanswered import UnansweredSweeper
from bot.slack.api import SlackApi, open_session
from bot.slack.directory import SlackDirectory
from bot.slack.listeners import build_app
from bot.views.render import render
from bot.web.metrics import MetricsEndpoint
from commands.core.request import Services
from commands.registry import CommandRegistry
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock, SystemClock
from domain.operations.operation import OperationRecord
from runbooks.alerts import enrichment
from runbooks.engine.engine import PROCEDURES_VERSION, Engine, StepObserver, ignore_step
from runbooks.engine.lease import Lease, LeaseTimings, SharedLease, SingleReplicaLease
from runbooks.operations.context import ProcedureDependencies
from runbooks.operations.planner import Planner
from runbooks.operations.recovery import Recovery
from runbooks.operations.runner import Runner
from runbooks.operations.service import OperationService
from runbooks.operations.timer_handlers import OperationTimerHandlers
from runbooks.timers import TimerDispatcher
from storage.engines import open_engines
from storage.inbox import InboxWriter
from storage.outbox import OutboxRow, RateLimits
from storage.outbox_messages import load
from storage.store import Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """What tests choose and nobody else: time, pace, chance, and who watches the steps."""

    clock: Clock = field(default_factory=SystemClock)
    rate_limits: RateLimits = field(default_factory=RateLimits)
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    rng: random.Random = field(default_factory=random.SystemRandom)
    observer: StepObserver = ignore_step
    procedures_version: int = PROCEDURES_VERSION
    lease_timings: LeaseTimings = field(default_factory=LeaseTimings)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreComponents:
    """What everything else stands on. ``stack`` closes whatever is opened."""

    settings: Settings
    options: RuntimeOptions
    stack: AsyncExitStack
    catalogue: CatalogueFile
    store: Store
    lease: Lease
    slack: SlackApi
    clusters: Clusters
    monitoring: MonitoringServers
    inbox_writer: InboxWriter

    @property
    def clock(self) -> Clock:
        """Where the time comes from."""
        return self.options.clock

    def current_catalogue(self) -> Catalogue:
        """The catalogue that holds now."""
        return self.catalogue.current


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationComponents:
    """What carries operations and messages."""

    engine: Engine
    runner: Runner
    recovery: Recovery
    timers: TimerDispatcher
    operation_service: OperationService
    outbox_worker: OutboxWorker
    alerts: AlertComponents


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackComponents:
    """What takes and answers what people say."""

    intake: Intake
    dispatcher: Dispatcher
    unanswered_sweeper: UnansweredSweeper
    bolt: AsyncApp


async def open_core(settings: Settings, options: RuntimeOptions, stack: AsyncExitStack) -> CoreComponents:
    """Raises ``CatalogueError``."""
    catalogue = CatalogueFile(settings.catalogue)
    engines = open_engines(settings.database)
    # A new name at every start: whatever the process before had under way belongs to nobody who lives.
    replica = f"{socket.gethostname()[:40]}-{secrets.token_hex(4)}"
    is_shared = not engines.is_sqlite
    lease: Lease = SharedLease(Store(engines), replica, options.lease_timings) if is_shared else SingleReplicaLease(replica)
    session = open_session(settings.slack.api_url)
    stack.push_async_callback(session.close)
    # Stacks of their own, at this depth: a cluster or a Prometheus that a reload adds must outlive the engine too.
    clusters, monitoring = [await stack.enter_async_context(AsyncExitStack()) for _ in range(2)]
    inbox_writer = InboxWriter(engines.write)
    stack.callback(inbox_writer.close)
    return CoreComponents(
        settings=settings,
        options=options,
        stack=stack,
        catalogue=catalogue,
        store=Store(engines, check_lease=lease.check),
        lease=lease,
        slack=SlackApi(settings.slack.bot_token.get_secret_value(), session, base_url=settings.slack.api_url),
        clusters=Clusters(clusters, options.clock, settings.catalogue.parent, lease.check),
        monitoring=MonitoringServers(monitoring, lambda: catalogue.current),
        inbox_writer=inbox_writer,
    )


def build_operation_components(core: CoreComponents, metrics: MetricsEndpoint) -> OperationComponents:
    """The engine, and the delivery of what it has to say."""

    def notify_outbox() -> None:
        outbox_worker.wake()  # the two know each other

    engine = Engine(
        core.settings.database, core.lease, procedures_version=core.options.procedures_version, observer=core.options.observer
    )
    operation_service = OperationService(engine, core.store, core.clock, core.current_catalogue, notify_outbox)
    planner = Planner(core.current_catalogue, core.clusters)
    charts = Charts()
    core.stack.callback(charts.close)
    dependencies = ProcedureDependencies(
        store=core.store,
        clock=core.clock,
        clusters=core.clusters,
        planner=planner,
        rollout_within=lambda environment: core.current_catalogue().environments[environment].rollout_within,
        notify_outbox=notify_outbox,
    )
    alerts = build_alert_components(core, notify_outbox)

    async def on_delivered(tx: Transaction, row: OutboxRow, at: datetime) -> None:
        await operation_service.on_delivered(tx, row, at)
        await enrichment.on_delivered(tx, row, at)

    outbox_worker = OutboxWorker(
        core.store,
        core.slack,
        lambda fact: render(fact, core.clock.now()),
        clock=core.clock,
        replica=core.lease.replica,
        rate_limits=core.options.rate_limits,
        check_lease=core.lease.check,
        fallback=lambda row: _fallback_channel(row, core.current_catalogue()),
        on_delivered=on_delivered,
        draw=charts.png,
        rng=core.options.rng,
        retry_policy=core.options.retry_policy,
        dead_after=core.options.lease_timings.dead_after,
        metrics=OutboxMetrics(metrics.registry),
    )
    timers = OperationTimerHandlers(
        engine=engine, dependencies=dependencies, operations=operation_service, scale_plan=planner.scale
    )
    return OperationComponents(
        engine=engine,
        runner=Runner(engine, dependencies),
        recovery=Recovery(engine, core.lease, dependencies),
        timers=TimerDispatcher(
            store=core.store, clock=core.clock, replica=engine.replica, handlers={**timers.handlers, **alerts.timer_handlers}
        ),
        operation_service=operation_service,
        outbox_worker=outbox_worker,
        alerts=alerts,
    )


def build_slack_components(core: CoreComponents, operations: OperationComponents, reload: Reload) -> SlackComponents:
    """The people's side: what is said is kept, understood and answered."""
    registry = CommandRegistry([reload_router(reload)])
    dependencies = DispatcherDependencies(
        registry=registry,
        services=_services(core, operations),
        directory=SlackDirectory(core.slack, core.clock),
        slack=core.slack,
        replica=core.lease.replica,
    )
    dispatcher = Dispatcher(dependencies)
    intake = Intake(core.inbox_writer, core.clock, dispatcher.submit, lambda: dispatcher.queue_length)
    return SlackComponents(
        intake=intake,
        dispatcher=dispatcher,
        unanswered_sweeper=UnansweredSweeper(core.store, core.clock, dispatcher, core.lease.replica, core.lease.dead_after),
        bolt=build_app(intake, registry.form_command_text),
    )


def _services(core: CoreComponents, operations: OperationComponents) -> Callable[[], Services]:
    def services() -> Services:
        return Services(
            catalogue=core.current_catalogue(),
            clock=core.clock,
            store=core.store,
            clusters=core.clusters,
            operations=operations.operation_service,
            alerts=operations.alerts.alert_service,
        )

    return services


def _fallback_channel(row: OutboxRow, catalogue: Catalogue) -> str:
    """Where a card goes whose channel cannot be used, with its thread: an operation's to its environment's channel, else to who
    asked; an alert's to where alerts go that no rule names.
    """
    fact = load(row.kind, row.version, row.fact)
    if not isinstance(fact, OperationRecord):
        default = catalogue.alerts.default.channel if catalogue.alerts else ""
        return default if default != row.channel else ""
    environment = catalogue.environments.get(fact.environment)
    channel = environment.channel if environment is not None else ""
    return channel if channel and channel != row.channel else fact.requested_by.user_id
