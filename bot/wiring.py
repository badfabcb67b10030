"""The whole process, opened in order and closed in reverse. Tests use the same wiring with other settings."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bot.components.core import Desk, Ground, Tuning, Works, build_desk, build_works, lay_ground
from bot.core.background import Background
from bot.core.file_lock import only_process
from bot.core.settings import Settings
from bot.core.ticker import ticking
from bot.slack.http import SLACK, SlackDoor
from bot.slack.signatures import Signatures
from bot.slack.socket_mode import SocketDoor
from bot.web.alertmanager import ALERTS, AlertDoor, alert_numbers
from bot.web.health import Health
from bot.web.metrics import Metrics, Number
from bot.web.server import HttpDoor
from domain.errors import Refused
from runbooks.housekeeping import Housekeeping
from storage.engines import parse_url
from storage.schema_revision import expected_revision, schema_revision
from storage.store import Store

DRAIN_SECONDS = 1.0
"""For messages that are under way when the process stops; all together it stops in under five."""


class NotMigrated(Refused):
    """The database's schema is not the one that this version expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """The running process. ``port`` is the one that the HTTP door listens on."""

    port: int
    ground: Ground
    works: Works
    desk: Desk
    background: Background

    async def reload(self) -> tuple[str, ...]:
        """Read the catalogue again; what changed, a line each. Raises ``CatalogueError``; then everything stays as it was."""
        return await _reload(self.ground)

    async def until_failure(self) -> NoReturn:
        """Wait for as long as everything works. Raises what ended one of its parts."""
        await self.background.failure()


@asynccontextmanager
async def running(settings: Settings, tuning: Tuning | None = None) -> AsyncIterator[Bot]:
    """Everything, from the HTTP port to the engine.

    Raises ``CatalogueError``, ``InUse``, ``NotMigrated`` or ``TemporaryError`` before anything is done.
    """
    async with AsyncExitStack() as stack:
        hold_database(settings, stack)
        ground = await lay_ground(settings, tuning or Tuning(), stack)
        stack.push_async_callback(ground.store.close)
        await check_schema(ground.store)
        await follow(ground)
        metrics = Metrics(ground.store)
        works = build_works(ground, metrics)
        desk = build_desk(ground, works, lambda: _reload(ground))
        yield await _open(ground, works, desk, metrics)


def hold_database(settings: Settings, stack: ExitStack | AsyncExitStack) -> None:
    """A SQLite file is for one process alone. Raises ``InUse``."""
    url = parse_url(settings.database)
    if url.get_backend_name() == "sqlite" and url.database:
        stack.enter_context(only_process(Path(url.database)))


async def check_schema(store: Store) -> None:
    """Raise ``NotMigrated`` where the schema is not this version's."""
    found, expected = await schema_revision(store.engines), expected_revision()
    if found != expected:
        stands = f"is at {found}" if found else "is empty"
        raise NotMigrated(f"The database {stands}; this version needs {expected}. Run `deepecho migrate` first.")


async def _reload(ground: Ground) -> tuple[str, ...]:
    changed = ground.catalogue.reload()
    await follow(ground)
    return changed


async def follow(ground: Ground) -> None:
    """Open whatever the catalogue names."""
    await ground.clusters.follow(ground.current())
    await ground.monitors.follow(ground.current())


async def _open(ground: Ground, works: Works, desk: Desk, metrics: Metrics) -> Bot:
    """Open in this order, so that closing in reverse drains: doors, then answers, then messages, then the engine."""
    stack, settings, background = ground.stack, ground.settings, Background()
    sockets = _sockets(settings, desk, ground)
    health = Health(ground.store, ground.clock, ground.lease.replica, sockets.heard_ago if sockets else None)
    http = HttpDoor(settings.http.host, settings.http.port)
    http.add("/healthz", health.live)
    http.add("/readyz", health.ready)
    http.add("/metrics", metrics.serve)
    http.reserve(*SLACK, *([ALERTS] if settings.webhooks.alertmanager_token else []))
    port = await http.open()
    stack.push_async_callback(http.close)

    stack.push_async_callback(ground.lease.leave)
    await stack.enter_async_context(background.running("lease", ground.lease.keep()))
    stack.push_async_callback(works.engine.close)
    await works.engine.open(works.runner.run)
    await stack.enter_async_context(background.running("delivery", works.delivery.run()))
    stack.push_async_callback(works.delivery.drain, DRAIN_SECONDS)
    await stack.enter_async_context(background.running("recovery", works.recovery.keep()))
    await stack.enter_async_context(ticking(works.clocks.run_due))
    housekeeping = Housekeeping(ground.store, ground.clock)
    await stack.enter_async_context(background.running("housekeeping", housekeeping.keep()))
    await works.alerts.intake.begin_watching()
    await stack.enter_async_context(background.running("enrichment", works.alerts.enrichment.keep()))
    await stack.enter_async_context(background.running("alerts", works.alerts.intake.keep()))
    await stack.enter_async_context(background.running("dispatcher", desk.dispatcher.run()))
    await stack.enter_async_context(background.running("leftovers", desk.leftovers.keep_sweeping()))
    if sockets is not None:
        await stack.enter_async_context(background.running("socket", sockets.run()))
    door = None
    if settings.slack.signing_secret is not None:
        door = SlackDoor(Signatures(settings.slack.signing_secret.get_secret_value()), desk.intake, desk.bolt)
        http.let_in(door.serve, *SLACK)
    alert_door = _alert_door(settings, ground, works)
    if alert_door is not None:
        http.let_in(alert_door.serve, ALERTS)
    metrics.count((*_numbers(desk, sockets, door), *alert_numbers(works.alerts.intake, alert_door)))
    stack.callback(http.keep_out)
    stack.callback(health.stop)
    return Bot(port=port, ground=ground, works=works, desk=desk, background=background)


def _alert_door(settings: Settings, ground: Ground, works: Works) -> AlertDoor | None:
    token = settings.webhooks.alertmanager_token
    if token is None:
        return None
    intake = works.alerts.intake
    return AlertDoor(token.get_secret_value(), ground.writer, intake, ground.clock, lambda: ground.current().alerts)


def _sockets(settings: Settings, desk: Desk, ground: Ground) -> SocketDoor | None:
    if settings.slack.mode != "socket" or settings.slack.app_token is None:
        return None
    token = settings.slack.app_token.get_secret_value()
    return SocketDoor(desk.bolt, token, ground.slack.web, replicas=settings.slack.replicas)


def _numbers(desk: Desk, sockets: SocketDoor | None, door: SlackDoor | None) -> tuple[Number, ...]:
    """What Prometheus is told, beside the rows of the outbox and the process's own figures."""
    intake, dispatcher, replies = desk.intake, desk.dispatcher, desk.dispatcher.replies
    numbers = [
        Number("deepecho_deliveries_kept", "counter", "Deliveries written down", lambda: intake.kept),
        Number("deepecho_deliveries_repeated", "counter", "Deliveries that had come before", lambda: intake.repeated),
        Number("deepecho_deliveries_waiting", "gauge", "Deliveries that wait for a worker", lambda: dispatcher.waiting),
        Number("deepecho_answers_sent", "counter", "Answers shown to people", lambda: replies.sent),
        Number("deepecho_answers_lost", "counter", "Answers that Slack did not take", lambda: replies.lost),
        Number("deepecho_failures", "counter", "Answers that ended in an error of ours", lambda: dispatcher.failures),
    ]
    if sockets is not None:
        numbers += [
            Number("deepecho_sockets_opened", "counter", "Sockets opened to Slack", lambda: sockets.opened),
            Number("deepecho_sockets_counted", "gauge", "Sockets that Slack counts for this app", lambda: sockets.connections),
            Number("deepecho_slack_silence_seconds", "gauge", "Since Slack was last heard", lambda: sockets.heard_ago() or 0.0),
        ]
    if door is not None:
        numbers += [Number("deepecho_http_refused", "counter", "Requests without a good signature", lambda: door.refused)]
    return tuple(numbers)
