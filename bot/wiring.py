"""The whole process, opened in order and closed in reverse. Tests use the same wiring with other settings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from bot.components.core import CoreComponents, RuntimeOptions, open_core
from bot.components.families import FAMILIES
from bot.components.family import Family, FamilyComponents
from bot.components.outbox import build_outbox_worker
from bot.components.slack import SlackComponents, build_slack_components
from bot.core.background import BackgroundTasks
from bot.core.file_lock import exclusive_lock, take_rights_of_others
from bot.core.settings import HttpSettings, Settings
from bot.core.ticker import run_every_second
from bot.delivery.worker import OutboxWorker
from bot.slack.http import SLACK_PATHS, SlackHttpEndpoint
from bot.slack.signatures import Signatures
from bot.slack.socket_mode import SocketModeReceiver
from bot.web.connections import connection_metrics
from bot.web.health import Health, SlackEntrance
from bot.web.limits import http_limits
from bot.web.metrics import MetricsEndpoint, MetricSpec
from bot.web.server import HttpServer
from bot.web.sweep import sweep_check, sweep_metrics
from runbooks.due_sweep import DueSweep
from runbooks.housekeeping import Housekeeping
from runbooks.timers import TimerDispatcher
from storage.engines import parse_url
from storage.schema_revision import require_schema

DRAIN_TIMEOUT_SECONDS = 1.0
"""For messages that are under way when the process stops; all together it stops in under five."""


ServiceT = TypeVar("ServiceT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """The running process. ``port`` takes webhooks, ``management_port`` answers probes: often the same one."""

    port: int
    management_port: int
    core: CoreComponents
    families: tuple[FamilyComponents, ...]
    slack: SlackComponents
    background: BackgroundTasks

    def service(self, service_type: type[ServiceT]) -> ServiceT:
        """What a family offers, by its type. Raises ``KeyError`` where none does."""
        return self.core.service(service_type)

    async def wait_for_failure(self) -> NoReturn:
        """Wait for as long as everything works. Raises what ended one of its parts."""
        await self.background.wait_for_failure()


@asynccontextmanager
async def run_bot(
    settings: Settings, options: RuntimeOptions | None = None, families: Sequence[Family] = FAMILIES
) -> AsyncIterator[Bot]:
    """Everything, from the HTTP port to the engine.

    Raises ``CatalogueError``, ``DatabaseInUse``, ``NotMigrated``, ``DatabaseRefused`` or ``TemporaryError`` before anything is
    done.
    """
    async with AsyncExitStack() as stack:
        lock_database_file(settings, stack)
        core = await open_core(settings, options or RuntimeOptions(), stack)
        stack.push_async_callback(core.store.close)
        await require_schema(core.store.engines)
        await core.open_connections()
        yield await _open(_build(core, families))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """Everything that was made and is not open yet."""

    core: CoreComponents
    families: tuple[FamilyComponents, ...]
    outbox_worker: OutboxWorker
    timers: TimerDispatcher
    housekeeping: Housekeeping
    sweep: DueSweep
    slack: SlackComponents
    metrics: MetricsEndpoint


def _build(core: CoreComponents, families: Sequence[Family]) -> _Process:
    metrics = MetricsEndpoint(core.store)
    built: list[FamilyComponents] = []
    outbox_worker = build_outbox_worker(core, families, built, metrics)
    built += [family.build(core, outbox_worker.wake) for family in families]
    core.family_services.update(service for each in built for service in each.services.items())
    core.store.listeners.on_groups_saved.extend(each.on_groups_saved for each in built if each.on_groups_saved)
    core.store.listeners.on_operation_saved.extend(each.on_operation_saved for each in built if each.on_operation_saved)
    core.store.listeners.on_incident_saved.extend(each.on_incident_saved for each in built if each.on_incident_saved)
    core.annotation_sources.update(source for each in built for source in each.annotation_sources.items())
    core.page_listeners.on_acknowledged.extend(each.on_page_acknowledged for each in built if each.on_page_acknowledged)
    core.page_listeners.on_note.extend(each.on_page_note for each in built if each.on_page_note)
    core.page_listeners.lock_subject.extend(each.lock_page_subject for each in built if each.lock_page_subject)
    core.page_listeners.hold.extend(each.hold_page for each in built if each.hold_page)
    core.health.checks.extend(check for each in built for check in each.health_checks)
    core.health.night.extend(source for each in built for source in each.night_sources)
    handlers = {kind: handler for components in built for kind, handler in components.timer_handlers.items()}
    return _Process(
        core=core,
        families=tuple(built),
        outbox_worker=outbox_worker,
        timers=TimerDispatcher(store=core.store, clock=core.clock, replica=core.lease.replica, handlers=handlers),
        housekeeping=_housekeeping(core, families, built),
        sweep=DueSweep(core.store, core.clock, [check for components in built for check in components.due_checks]),
        slack=build_slack_components(core, families, built),
        metrics=metrics,
    )


def _housekeeping(core: CoreComponents, families: Sequence[Family], built: Sequence[FamilyComponents]) -> Housekeeping:
    return Housekeeping(
        store=core.store,
        clock=core.clock,
        retention=core.settings.retention.periods,
        prunes=[prune for family in families for prune in family.prunes],
        subjects=[find for family in families for find in family.subjects],
        cleanings=[cleaning for components in built for cleaning in components.cleanings],
    )


def lock_database_file(settings: Settings, stack: ExitStack | AsyncExitStack) -> None:
    """A SQLite file is for one process alone. Raises ``DatabaseInUse`` or ``DatabaseRefused``."""
    url = parse_url(settings.database)
    if url.get_backend_name() == "sqlite" and url.database:
        stack.enter_context(exclusive_lock(Path(url.database)))
        take_rights_of_others(Path(url.database))


async def _open(process: _Process) -> Bot:
    """Open in this order, so that closing in reverse drains: webhooks, then answers, then messages, then the engine."""
    core, slack, stack, background = process.core, process.slack, process.core.stack, BackgroundTasks()
    socket_receiver = _socket_receiver(core, slack)
    settings = core.settings.http
    http_server = HttpServer(settings.host, settings.port, http_limits(settings))
    entrance = _slack_entrance(socket_receiver, http_server)
    health = Health(core.store, core.clock, core.lease.replica, entrance, lambda: sweep_check(process.sweep))
    management_server = _management_server(settings, http_server)
    for path, handler in (("/healthz", health.live), ("/readyz", health.ready), ("/metrics", process.metrics.serve)):
        management_server.add(path, handler)
    http_server.reserve(*SLACK_PATHS)
    for webhook in (webhook for family in process.families for webhook in family.webhooks):
        http_server.reserve(webhook.path, method=webhook.method)
    port, management_port = await _listen(http_server, management_server, stack)
    await _start(process, background)
    if socket_receiver is not None:
        await stack.enter_async_context(background.running("socket", socket_receiver.run()))
    slack_endpoint = _slack_endpoint(core, slack)
    if slack_endpoint is not None:
        http_server.enable(slack_endpoint.serve, *SLACK_PATHS)
    for webhook in (webhook for family in process.families for webhook in family.webhooks):
        http_server.enable(webhook.serve, webhook.path)
    family_metrics = (metric for family in process.families for metric in family.metrics)
    process.metrics.set_metrics(
        (
            *_metrics(slack, socket_receiver, slack_endpoint),
            *connection_metrics(http_server.connections),
            *sweep_metrics(process.sweep),
            *family_metrics,
        )
    )
    stack.callback(http_server.disable)
    stack.callback(health.stop)
    return Bot(
        port=port, management_port=management_port, core=core, families=process.families, slack=slack, background=background
    )


def _slack_entrance(receiver: SocketModeReceiver | None, server: HttpServer) -> SlackEntrance:
    """How Slack reaches this process."""
    if receiver is not None:
        return SlackEntrance(lambda: receiver.is_open, receiver.seconds_since_heard)
    return SlackEntrance(lambda: server.is_enabled(*SLACK_PATHS), None)


def _management_server(settings: HttpSettings, http_server: HttpServer) -> HttpServer:
    """The server of health and metrics: one of its own where a port is set for it."""
    if settings.management_port is None:
        return http_server
    return HttpServer(settings.management_host or settings.host, settings.management_port, http_limits(settings))


async def _listen(http_server: HttpServer, management_server: HttpServer, stack: AsyncExitStack) -> tuple[int, int]:
    port = management_port = await management_server.open()
    # Closed last: probes are answered until the process ends.
    stack.push_async_callback(management_server.close)
    if http_server is not management_server:
        port = await http_server.open()
        stack.push_async_callback(http_server.close)
    return port, management_port


async def _start(process: _Process, background: BackgroundTasks) -> None:
    """Everything that works in the background, from the lease to the answers."""
    core, slack, stack = process.core, process.slack, process.core.stack
    stack.push_async_callback(core.lease.release)
    await stack.enter_async_context(background.running("lease", core.lease.run()))
    for family in process.families:
        stack.push_async_callback(family.close)
        await family.open()
    await stack.enter_async_context(background.running("outbox", process.outbox_worker.run()))
    stack.push_async_callback(process.outbox_worker.drain, DRAIN_TIMEOUT_SECONDS)
    for family in process.families:
        await family.start()
        for task in family.tasks:
            await stack.enter_async_context(background.running(task.name, task.run()))
    await stack.enter_async_context(run_every_second(process.timers.run_due))
    await stack.enter_async_context(background.running("housekeeping", process.housekeeping.run()))
    await stack.enter_async_context(background.running("sweep", process.sweep.run()))
    await stack.enter_async_context(background.running("dispatcher", slack.dispatcher.run()))
    await stack.enter_async_context(background.running("unanswered", slack.unanswered_sweeper.run()))


def _slack_endpoint(core: CoreComponents, slack: SlackComponents) -> SlackHttpEndpoint | None:
    secret = core.settings.slack.signing_secret
    if secret is None:
        return None
    return SlackHttpEndpoint(Signatures(secret.get_secret_value()), slack.intake, slack.bolt)


def _socket_receiver(core: CoreComponents, slack: SlackComponents) -> SocketModeReceiver | None:
    settings = core.settings
    if settings.slack.mode != "socket" or settings.slack.app_token is None:
        return None
    token = settings.slack.app_token.get_secret_value()
    return SocketModeReceiver(slack.bolt, token, core.slack.web, replicas=settings.slack.replicas)


def _metrics(
    slack: SlackComponents, socket_receiver: SocketModeReceiver | None, slack_endpoint: SlackHttpEndpoint | None
) -> tuple[MetricSpec, ...]:
    """What Prometheus is told, beside the rows of the outbox and the process's own figures."""
    intake, dispatcher, replies = slack.intake, slack.dispatcher, slack.dispatcher.replies
    metrics = [
        MetricSpec("deepecho_inbound_messages_stored", "counter", "Deliveries written down", lambda: intake.stored),
        MetricSpec(
            "deepecho_inbound_messages_duplicate", "counter", "Deliveries that had come before", lambda: intake.duplicates
        ),
        MetricSpec(
            "deepecho_inbound_messages_waiting", "gauge", "Deliveries that wait for a worker", lambda: dispatcher.queue_length
        ),
        MetricSpec("deepecho_answers_sent", "counter", "Answers shown to people", lambda: replies.sent),
        MetricSpec("deepecho_answers_lost", "counter", "Answers that Slack did not take", lambda: replies.lost),
        MetricSpec(
            "deepecho_unexpected_errors", "counter", "Answers that ended in an error of ours", lambda: dispatcher.failures
        ),
    ]
    if socket_receiver is not None:
        metrics += [
            MetricSpec("deepecho_slack_connections_opened", "counter", "Sockets opened to Slack", lambda: socket_receiver.opened),
            MetricSpec(
                "deepecho_slack_connections",
                "gauge",
                "Sockets that Slack counts for this app",
                lambda: socket_receiver.connections,
            ),
            MetricSpec(
                "deepecho_slack_last_heard_seconds",
                "gauge",
                "Since Slack was last heard",
                lambda: socket_receiver.seconds_since_heard() or 0.0,
            ),
        ]
    if slack_endpoint is not None:
        metrics += [
            MetricSpec(
                "deepecho_slack_requests_refused", "counter", "Requests without a good signature", lambda: slack_endpoint.refused
            )
        ]
    return tuple(metrics)
