"""Logs: read from log servers and pods, followed for a while."""

from collections.abc import AsyncIterator
from datetime import timedelta

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox
from bot.connections.log_servers import LogServers, account_headers
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from bot.views import logs as views
from bot.views.render import timeless
from commands.logs import logs
from commands.logs.fields import FIELDS
from domain.answers.logs import LogPatternsAnswer, LogsAnswer
from domain.catalogue.catalogue import Catalogue
from domain.clock import SystemClock
from domain.errors import DeepechoError
from domain.logs.follows import LogFollow
from domain.people import Person, Role
from integrations.elasticsearch import open_elasticsearch
from runbooks.logs.following import LogFollower
from runbooks.logs.pod_lines import PodLines
from runbooks.logs.reading import LogReader
from runbooks.logs.server_lines import ServerLines, check_filters
from runbooks.periodic import run_periodically
from runbooks.queued_timers import QueuedTimers
from storage.logs import FOLLOW_TIMER, FOLLOWED_LINES, LOG_FOLLOW

SWEEP_INTERVAL = timedelta(seconds=30)


def build_logs(core: CoreComponents, _notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What reads, follows, and deletes what searches leave."""
    servers = LogServers(core.settings.elasticsearch, core.current_catalogue)
    server = ServerLines(store=core.store, clock=core.clock, catalogue=core.current_catalogue, server=servers.client)
    pods = PodLines(catalogue=core.current_catalogue, clusters=core.clusters, clock=core.clock)
    reader = LogReader(server=server, pods=pods)

    async def may_read(person: Person, environment: str) -> bool:
        return core.current_catalogue().has_role(await core.directory.member(person), Role.VIEWER, environment)

    follower = LogFollower(store=core.store, clock=core.clock, reader=reader, may_read=may_read)
    follows = QueuedTimers("followed logs", core.clock, follower.work)

    async def sweep() -> None:
        await run_periodically("log searches", SWEEP_INTERVAL, server.sweep)

    return FamilyComponents(
        services={LogReader: reader, LogFollower: follower},
        close=servers.close,
        tasks=(BackgroundTask("log-searches", sweep), BackgroundTask("log-follows", follows.run)),
        timer_handlers={FOLLOW_TIMER: follows.submit},
    )


async def check_logs(settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """Whether each log server answers, and whether its fields tell services apart."""
    at = SystemClock().now()
    for name, environment in catalogue.environments.items():
        config = environment.logs
        if config is None:
            continue
        async with open_elasticsearch(config.address, account_headers(settings.elasticsearch, name)) as server:
            try:
                product = await server.product()
                check_filters(config, await server.field_types(config.indices(at, at), tuple(config.filters)))
            except DeepechoError as error:
                yield CheckResult(f"logs of {name}", ok=False, detail=str(error))
                continue
        yield CheckResult(f"logs of {name}", ok=True, detail=f"{product.name} {product.version} answers")


LOGS = Family(
    name="logs",
    routers=(logs.router,),
    form_fields=FIELDS,
    fact_kinds=(LOG_FOLLOW, FOLLOWED_LINES),
    views={
        LogsAnswer: timeless(views.logs),
        LogPatternsAnswer: timeless(views.patterns),
        LogFollow: timeless(views.follow),
    },
    checks=(check_logs,),
    build=build_logs,
)
