"""What every family stands on: settings, catalogue, database, lease, Slack, clusters, monitoring."""

import random
import secrets
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from bot.connections.clusters import Clusters
from bot.connections.monitoring import MonitoringServers
from bot.core.catalogue_file import CatalogueFile
from bot.core.settings import Settings
from bot.delivery.failure_handling import RetryPolicy
from bot.slack.api import SlackApi, open_session
from bot.slack.directory import SlackDirectory
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock, SystemClock
from runbooks.dashboards.sources import AnnotationSource
from runbooks.digest.measuring import HealthSources
from runbooks.engine.engine import PROCEDURES_VERSION, StepObserver, ignore_step
from runbooks.engine.lease import Lease, LeaseTimings, SharedLease, SingleReplicaLease
from runbooks.paging.listeners import PageListeners
from storage.engines import open_engines
from storage.inbox import InboxWriter
from storage.outbox import RateLimits
from storage.store import Store

ServiceT = TypeVar("ServiceT")


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
    directory: SlackDirectory
    clusters: Clusters
    monitoring: MonitoringServers
    inbox_writer: InboxWriter
    page_listeners: PageListeners = field(default_factory=PageListeners)
    """What families do when pages are acknowledged. Filled before anything is started."""
    annotation_sources: dict[str, AnnotationSource] = field(default_factory=dict)
    """What is written to Grafana, by the prefix of its id. Filled before anything is started."""
    family_services: dict[type, object] = field(default_factory=dict)
    """What families offer, by type. Filled before anything is started."""
    health: HealthSources = field(default_factory=HealthSources)
    """What families measure. Filled before anything is started."""

    def service(self, service_type: type[ServiceT]) -> ServiceT:
        """What a family offers, by its type. Raises ``KeyError`` where none does, or before everything is built."""
        service = self.family_services[service_type]
        assert isinstance(service, service_type)  # noqa: S101 -- narrows the type; services are keyed by it
        return service

    @property
    def clock(self) -> Clock:
        """Where the time comes from."""
        return self.options.clock

    def current_catalogue(self) -> Catalogue:
        """The catalogue that holds now."""
        return self.catalogue.current

    async def open_connections(self) -> None:
        """Open whatever the catalogue names."""
        await self.clusters.open_connections(self.current_catalogue())
        await self.monitoring.open_connections(self.current_catalogue())

    async def reload(self) -> tuple[str, ...]:
        """Read the catalogue again; what changed, a line each. Raises ``CatalogueError``; then everything stays as it was."""
        changed = self.catalogue.reload()
        await self.open_connections()
        return changed


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
    slack = SlackApi(settings.slack.bot_token.get_secret_value(), session, base_url=settings.slack.api_url)
    stack.callback(inbox_writer.close)
    return CoreComponents(
        settings=settings,
        options=options,
        stack=stack,
        catalogue=catalogue,
        store=Store(engines, check_lease=lease.check),
        lease=lease,
        slack=slack,
        directory=SlackDirectory(slack, options.clock),
        clusters=Clusters(clusters, options.clock, settings.catalogue.parent, lease.check),
        monitoring=MonitoringServers(monitoring, lambda: catalogue.current),
        inbox_writer=inbox_writer,
    )
