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
from bot.components.alerts import AlertWorks, build_alert_works
from bot.connections.clusters import Clusters
from bot.connections.monitoring import Monitors
from bot.core.catalogue_file import CatalogueFile
from bot.core.intake import Intake
from bot.core.settings import Settings
from bot.delivery.metrics import DeliveryMetrics
from bot.delivery.retries import Patience
from bot.delivery.worker import Delivery
from bot.interactions.dispatcher import Dispatcher, House
from bot.interactions.reload import Reload, reload_router
from bot.interactions.unanswered import Leftovers
from bot.slack.api import SlackApi, open_session
from bot.slack.directory import SlackDirectory
from bot.slack.listeners import build_app
from bot.views.render import render
from bot.web.metrics import Metrics
from commands.core.request import Services
from commands.registry import Menu
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock, SystemClock
from domain.operations.operation import OperationRecord
from runbooks.alerts import enrichment
from runbooks.engine.engine import PROCEDURES, Engine, Observer, unobserved
from runbooks.engine.lease import Lease, LeaseTimes, OnlyReplica, SharedLease
from runbooks.operations.context import Outside
from runbooks.operations.planner import Planner
from runbooks.operations.recovery import Recovery
from runbooks.operations.runner import Runner
from runbooks.operations.service import Operations
from runbooks.operations.timer_handlers import OperationTimerHandlers
from runbooks.timers import Clocks
from storage.engines import open_engines
from storage.inbox import InboxWriter
from storage.outbox import OutboxRow, Pace
from storage.outbox_messages import load
from storage.store import Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What tests choose and nobody else: time, pace, chance, and who watches the steps."""

    clock: Clock = field(default_factory=SystemClock)
    pace: Pace = field(default_factory=Pace)
    patience: Patience = field(default_factory=Patience)
    chance: random.Random = field(default_factory=random.SystemRandom)
    observer: Observer = unobserved
    procedures: int = PROCEDURES
    lease: LeaseTimes = field(default_factory=LeaseTimes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What everything else stands on. ``stack`` closes whatever is opened."""

    settings: Settings
    tuning: Tuning
    stack: AsyncExitStack
    catalogue: CatalogueFile
    store: Store
    lease: Lease
    slack: SlackApi
    clusters: Clusters
    monitors: Monitors
    writer: InboxWriter

    @property
    def clock(self) -> Clock:
        """Where the time comes from."""
        return self.tuning.clock

    def current(self) -> Catalogue:
        """The catalogue that holds now."""
        return self.catalogue.current


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """What carries operations and messages."""

    engine: Engine
    runner: Runner
    recovery: Recovery
    clocks: Clocks
    operations: Operations
    delivery: Delivery
    alerts: AlertWorks


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What takes and answers what people say."""

    intake: Intake
    dispatcher: Dispatcher
    leftovers: Leftovers
    bolt: AsyncApp


async def lay_ground(settings: Settings, tuning: Tuning, stack: AsyncExitStack) -> Ground:
    """Raises ``CatalogueError``."""
    catalogue = CatalogueFile(settings.catalogue)
    engines = open_engines(settings.database)
    # A new name at every start: whatever the process before had under way belongs to nobody who lives.
    replica = f"{socket.gethostname()[:40]}-{secrets.token_hex(4)}"
    shared = not engines.is_sqlite
    lease: Lease = SharedLease(Store(engines), replica, tuning.lease) if shared else OnlyReplica(replica)
    session = open_session(settings.slack.api_url)
    stack.push_async_callback(session.close)
    # Stacks of their own, at this depth: a cluster or a Prometheus that a reload adds must outlive the engine too.
    clusters, monitors = [await stack.enter_async_context(AsyncExitStack()) for _ in range(2)]
    writer = InboxWriter(engines.write)
    stack.callback(writer.close)
    return Ground(
        settings=settings,
        tuning=tuning,
        stack=stack,
        catalogue=catalogue,
        store=Store(engines, alive=lease.check),
        lease=lease,
        slack=SlackApi(settings.slack.bot_token.get_secret_value(), session, base_url=settings.slack.api_url),
        clusters=Clusters(clusters, tuning.clock, settings.catalogue.parent, lease.check),
        monitors=Monitors(monitors, lambda: catalogue.current),
        writer=writer,
    )


def build_works(ground: Ground, metrics: Metrics) -> Works:
    """The engine, and the delivery of what it has to say."""

    def nudge() -> None:
        delivery.nudge()  # the two know each other

    engine = Engine(ground.settings.database, ground.lease, procedures=ground.tuning.procedures, observer=ground.tuning.observer)
    operations = Operations(engine, ground.store, ground.clock, ground.current, nudge)
    planner = Planner(ground.current, ground.clusters)
    charts = Charts()
    ground.stack.callback(charts.close)
    outside = Outside(
        store=ground.store,
        clock=ground.clock,
        clusters=ground.clusters,
        planner=planner,
        rollout_within=lambda environment: ground.current().environments[environment].rollout_within,
        nudge=nudge,
    )
    alerts = build_alert_works(ground, nudge)

    async def on_delivered(tx: Transaction, row: OutboxRow, at: datetime) -> None:
        await operations.on_delivered(tx, row, at)
        await enrichment.on_delivered(tx, row, at)

    delivery = Delivery(
        ground.store,
        ground.slack,
        lambda fact: render(fact, ground.clock.now()),
        clock=ground.clock,
        replica=ground.lease.replica,
        pace=ground.tuning.pace,
        alive=ground.lease.check,
        fallback=lambda row: _elsewhere(row, ground.current()),
        on_delivered=on_delivered,
        draw=charts.png,
        chance=ground.tuning.chance,
        patience=ground.tuning.patience,
        dead_after=ground.tuning.lease.dead_after,
        metrics=DeliveryMetrics(metrics.registry),
    )
    timers = OperationTimerHandlers(engine=engine, outside=outside, operations=operations, scale_plan=planner.scale)
    return Works(
        engine=engine,
        runner=Runner(engine, outside),
        recovery=Recovery(engine, ground.lease, outside),
        clocks=Clocks(
            store=ground.store, clock=ground.clock, replica=engine.replica, handlers={**timers.handlers, **alerts.handlers}
        ),
        operations=operations,
        delivery=delivery,
        alerts=alerts,
    )


def build_desk(ground: Ground, works: Works, reload: Reload) -> Desk:
    """The people's side: what is said is kept, understood and answered."""
    menu = Menu([reload_router(reload)])
    house = House(
        menu=menu,
        services=_services(ground, works),
        directory=SlackDirectory(ground.slack, ground.clock),
        slack=ground.slack,
        replica=ground.lease.replica,
    )
    dispatcher = Dispatcher(house)
    intake = Intake(ground.writer, ground.clock, dispatcher.submit, lambda: dispatcher.waiting)
    return Desk(
        intake=intake,
        dispatcher=dispatcher,
        leftovers=Leftovers(ground.store, ground.clock, dispatcher, ground.lease.replica, ground.lease.dead_after),
        bolt=build_app(intake, menu.form_text),
    )


def _services(ground: Ground, works: Works) -> Callable[[], Services]:
    def services() -> Services:
        return Services(
            catalogue=ground.current(),
            clock=ground.clock,
            store=ground.store,
            clusters=ground.clusters,
            operations=works.operations,
            alerts=works.alerts.alerts,
        )

    return services


def _elsewhere(row: OutboxRow, catalogue: Catalogue) -> str:
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
