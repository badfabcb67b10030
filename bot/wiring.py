"""The whole process, opened in order and closed in reverse. Tests use the same wiring with other settings."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bot.components.core import (
    CoreComponents,
    OperationComponents,
    RuntimeOptions,
    SlackComponents,
    build_operation_components,
    build_slack_components,
    open_core,
)
from bot.core.background import BackgroundTasks
from bot.core.file_lock import exclusive_lock
from bot.core.settings import Settings
from bot.core.ticker import run_every_second
from bot.slack.http import SLACK_PATHS, SlackHttpEndpoint
from bot.slack.signatures import Signatures
from bot.slack.socket_mode import SocketModeReceiver
from bot.web.alertmanager import ALERTS_PATH, AlertmanagerWebhook, alert_metrics
from bot.web.health import Health
from bot.web.metrics import MetricsEndpoint, MetricSpec
from bot.web.server import HttpServer
from domain.errors import Refused
from runbooks.housekeeping import Housekeeping
from storage.engines import parse_url
from storage.schema_revision import database_revision, expected_revision
from storage.store import Store

DRAIN_TIMEOUT_SECONDS = 1.0
"""For messages that are under way when the process stops; all together it stops in under five."""


class NotMigrated(Refused):
    """The database's schema is not the one that this version expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """The running process. ``port`` is the one that the HTTP door listens on."""

    port: int
    core: CoreComponents
    operations: OperationComponents
    slack: SlackComponents
    background: BackgroundTasks

    async def reload(self) -> tuple[str, ...]:
        """Read the catalogue again; what changed, a line each. Raises ``CatalogueError``; then everything stays as it was."""
        return await _reload(self.core)

    async def wait_for_failure(self) -> NoReturn:
        """Wait for as long as everything works. Raises what ended one of its parts."""
        await self.background.wait_for_failure()


@asynccontextmanager
async def run_bot(settings: Settings, options: RuntimeOptions | None = None) -> AsyncIterator[Bot]:
    """Everything, from the HTTP port to the engine.

    Raises ``CatalogueError``, ``InUse``, ``NotMigrated`` or ``TemporaryError`` before anything is done.
    """
    async with AsyncExitStack() as stack:
        lock_database_file(settings, stack)
        core = await open_core(settings, options or RuntimeOptions(), stack)
        stack.push_async_callback(core.store.close)
        await check_schema(core.store)
        await open_connections(core)
        metrics = MetricsEndpoint(core.store)
        operations = build_operation_components(core, metrics)
        slack = build_slack_components(core, operations, lambda: _reload(core))
        yield await _open(core, operations, slack, metrics)


def lock_database_file(settings: Settings, stack: ExitStack | AsyncExitStack) -> None:
    """A SQLite file is for one process alone. Raises ``InUse``."""
    url = parse_url(settings.database)
    if url.get_backend_name() == "sqlite" and url.database:
        stack.enter_context(exclusive_lock(Path(url.database)))


async def check_schema(store: Store) -> None:
    """Raise ``NotMigrated`` where the schema is not this version's."""
    revision, expected = await database_revision(store.engines), expected_revision()
    if revision != expected:
        state = f"is at {revision}" if revision else "is empty"
        raise NotMigrated(f"The database {state}; this version needs {expected}. Run `deepecho migrate` first.")


async def _reload(core: CoreComponents) -> tuple[str, ...]:
    changed = core.catalogue.reload()
    await open_connections(core)
    return changed


async def open_connections(core: CoreComponents) -> None:
    """Open whatever the catalogue names."""
    await core.clusters.open_connections(core.current_catalogue())
    await core.monitoring.open_connections(core.current_catalogue())


async def _open(core: CoreComponents, operations: OperationComponents, slack: SlackComponents, metrics: MetricsEndpoint) -> Bot:
    """Open in this order, so that closing in reverse drains: doors, then answers, then messages, then the engine."""
    stack, settings, background = core.stack, core.settings, BackgroundTasks()
    socket_receiver = _socket_receiver(settings, slack, core)
    health = Health(core.store, core.clock, core.lease.replica, socket_receiver.seconds_since_heard if socket_receiver else None)
    http_server = HttpServer(settings.http.host, settings.http.port)
    http_server.add("/healthz", health.live)
    http_server.add("/readyz", health.ready)
    http_server.add("/metrics", metrics.serve)
    http_server.reserve(*SLACK_PATHS, *([ALERTS_PATH] if settings.webhooks.alertmanager_token else []))
    port = await http_server.open()
    stack.push_async_callback(http_server.close)

    stack.push_async_callback(core.lease.release)
    await stack.enter_async_context(background.running("lease", core.lease.run()))
    stack.push_async_callback(operations.engine.close)
    await operations.engine.open(operations.runner.run)
    await stack.enter_async_context(background.running("outbox", operations.outbox_worker.run()))
    stack.push_async_callback(operations.outbox_worker.drain, DRAIN_TIMEOUT_SECONDS)
    await stack.enter_async_context(background.running("operation-recovery", operations.recovery.run()))
    await stack.enter_async_context(run_every_second(operations.timers.run_due))
    housekeeping = Housekeeping(core.store, core.clock)
    await stack.enter_async_context(background.running("housekeeping", housekeeping.run()))
    await operations.alerts.intake.start_watchdogs()
    await stack.enter_async_context(background.running("enrichment", operations.alerts.enrichment.run()))
    await stack.enter_async_context(background.running("alerts", operations.alerts.intake.run()))
    await stack.enter_async_context(background.running("dispatcher", slack.dispatcher.run()))
    await stack.enter_async_context(background.running("unanswered", slack.unanswered_sweeper.run()))
    if socket_receiver is not None:
        await stack.enter_async_context(background.running("socket", socket_receiver.run()))
    slack_endpoint = None
    if settings.slack.signing_secret is not None:
        slack_endpoint = SlackHttpEndpoint(Signatures(settings.slack.signing_secret.get_secret_value()), slack.intake, slack.bolt)
        http_server.enable(slack_endpoint.serve, *SLACK_PATHS)
    alertmanager_webhook = _alertmanager_webhook(settings, core, operations)
    if alertmanager_webhook is not None:
        http_server.enable(alertmanager_webhook.serve, ALERTS_PATH)
    metrics.set_metrics(
        (*_metrics(slack, socket_receiver, slack_endpoint), *alert_metrics(operations.alerts.intake, alertmanager_webhook))
    )
    stack.callback(http_server.disable)
    stack.callback(health.stop)
    return Bot(port=port, core=core, operations=operations, slack=slack, background=background)


def _alertmanager_webhook(
    settings: Settings, core: CoreComponents, operations: OperationComponents
) -> AlertmanagerWebhook | None:
    token = settings.webhooks.alertmanager_token
    if token is None:
        return None
    intake = operations.alerts.intake
    return AlertmanagerWebhook(
        token.get_secret_value(), core.inbox_writer, intake, core.clock, lambda: core.current_catalogue().alerts
    )


def _socket_receiver(settings: Settings, slack: SlackComponents, core: CoreComponents) -> SocketModeReceiver | None:
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
