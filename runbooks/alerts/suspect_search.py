"""Finds changes before an alert, from the bot's own records and the cluster. Each source has its own time limit."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from domain.catalogue.catalogue import Catalogue
from domain.changes.config_changes import changes_from_autoscalers, changes_from_configs, changes_from_manual_scaling
from domain.changes.external_changes import ExternalChange, change_from_external, external_changes, merge_simultaneous
from domain.changes.own_changes import change_from_operation, changes_from_locks
from domain.changes.platform_changes import PlatformChange, Suspect
from domain.changes.suspect_scoring import CLOCK_SKEW_TOLERANCE, LOOKBACK, rank_suspects
from domain.clock import Clock
from domain.errors import NotFound, PermanentError, TemporaryError
from domain.operations.operation import OperationRecord
from domain.rich_text import Text, sentence
from domain.targets import Target
from domain.workloads.deployments import Template, Workload
from domain.workloads.field_managers import FieldManagers
from integrations.kubernetes import Cluster
from runbooks.clusters import cluster_of
from storage.store import Store

SOURCE_TIMEOUT = timedelta(seconds=5)
"""Limit of each source: the card is already delivered, and a suspect that comes later is hardly read."""
SNAPSHOT_TTL = timedelta(seconds=10)
"""How long a snapshot serves other alerts of its environment: in a storm, many alerts need it at once."""
_MAX_OPERATION_AGE = timedelta(days=2)
"""An operation waits up to a day for its approval and rolls out for up to another day."""
_MAX_LOCK_DURATION = timedelta(days=30)
"""As ``commands.operations.locks.MAX_LOCK_DURATION``: an older lock has expired."""
_MAX_LOCK_RECORDS = 100
_CLUSTER, _DATABASE = "The cluster", "The database"

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """Changes, oldest first. ``missing`` are sentences about sources that could not be read."""

    changes: tuple[PlatformChange, ...] = ()
    missing: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectReport:
    """Suspects, the likeliest first. ``missing`` is as in ``ChangeSet``."""

    suspects: tuple[Suspect, ...] = ()
    missing: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class _SourceResult(Generic[Found]):
    value: Found
    missing: Text = ""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    started_at: datetime
    finished_at: datetime
    since: datetime
    change_set: ChangeSet


@dataclass(frozen=True, slots=True)
class _ClusterState:
    workloads: Mapping[Target, Workload] = field(default_factory=dict)
    managers: Mapping[Target, FieldManagers] = field(default_factory=dict)


class SuspectFinder:
    """Finds suspects. It only reads; a source that does not answer does not delay the others beyond its time limit."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        catalogue: Callable[[], Catalogue],
        clusters: Mapping[str, Cluster],
        source_timeout: timedelta = SOURCE_TIMEOUT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._catalogue = catalogue
        self._clusters = clusters
        self._source_timeout = source_timeout
        self._snapshots: dict[str, _Snapshot] = {}
        self._snapshot_locks: dict[str, asyncio.Lock] = {}

    async def suspects(
        self, environment: str, service: str, *, began_at: datetime, within: timedelta = LOOKBACK
    ) -> SuspectReport:
        """Gather changes and rank them for an alert of this service; ``service`` is empty if no label names one."""
        change_set = await self.gather(environment, began_at=began_at, within=within)
        services = self._catalogue().services
        found = rank_suspects(
            change_set.changes,
            environment=environment,
            service=service,
            began_at=began_at,
            depends_on={name: entry.depends_on for name, entry in services.items()},
            within=within,
        )
        return SuspectReport(suspects=found, missing=change_set.missing)

    async def gather(self, environment: str, *, began_at: datetime, within: timedelta = LOOKBACK) -> ChangeSet:
        """Changes of the environment from ``within`` before the alert until shortly after it began."""
        if environment not in self._catalogue().environments:
            return ChangeSet(missing=("No environment is known of this alert, so nothing was looked at.",))
        since, until = began_at - within, began_at + CLOCK_SKEW_TOLERANCE
        async with self._snapshot_locks.setdefault(environment, asyncio.Lock()):
            snapshot = self._snapshots.get(environment)
            if snapshot is None or not _is_reusable(snapshot, since, began_at, self._clock.now()):
                # From the full hour, so that it also covers the lookback of an alert that began a few minutes earlier.
                snapshot = await self._take_snapshot(environment, since.replace(minute=0, second=0, microsecond=0))
                self._snapshots[environment] = snapshot
        changes = [
            change
            for change in snapshot.change_set.changes
            if change.at <= until and (change.at >= since or _is_ongoing(change, began_at))
        ]
        return ChangeSet(changes=tuple(changes), missing=snapshot.change_set.missing)

    async def _take_snapshot(self, environment: str, since: datetime) -> _Snapshot:
        """Query all sources for changes after ``since``."""
        at = self._clock.now()
        catalogue = self._catalogue()
        targets = catalogue.targets(environment)
        records, locks, cluster_state, scalings = await asyncio.gather(
            self._query_source(_DATABASE, "our own operations", self._operations(environment, since), ()),
            self._query_source(_DATABASE, "locks", self._lock_changes(environment, since, at), ()),
            self._query_source(
                _CLUSTER, "deploys by others and changed ConfigMaps", self._cluster_state(environment, targets), _ClusterState()
            ),
            self._query_source(_CLUSTER, "moves of autoscalers", self._autoscaler_changes(environment, targets, since), ()),
        )
        # Second, since these two need what the first four have read.
        external, configs = await asyncio.gather(
            self._query_source(
                _CLUSTER, "deploys by others", self._external_changes(environment, cluster_state.value, records.value, since), ()
            ),
            self._query_source(_CLUSTER, "changed ConfigMaps", self._config_changes(environment, cluster_state.value, since), ()),
        )
        own = [change for record in records.value if (change := change_from_operation(record))]
        changes = (*own, *locks.value, *external.value, *configs.value, *scalings.value)
        missing = [result.missing for result in (records, locks, cluster_state, scalings, external, configs) if result.missing]
        ordered = tuple(sorted(changes, key=lambda change: (change.at, change.kind, change.description, change.services)))
        change_set = ChangeSet(changes=ordered, missing=tuple(dict.fromkeys(missing)))
        return _Snapshot(at, self._clock.now(), since, change_set)

    async def _query_source(self, source: str, what: str, query: Awaitable[Found], default: Found) -> _SourceResult[Found]:
        """Query one source within its time limit. If it fails, the result is ``default`` with a sentence in ``missing``."""
        try:
            async with asyncio.timeout(self._source_timeout.total_seconds()):
                return _SourceResult(await query)
        except (TimeoutError, TemporaryError):
            return _SourceResult(default, f"{source} did not answer, so {what} are missing here.")
        except PermanentError as error:
            return _SourceResult(default, sentence(error.sentence, f" So {what} are missing here."))

    async def _operations(self, environment: str, since: datetime) -> tuple[OperationRecord, ...]:
        async with self._store.read() as tx:
            return await tx.operations.requested_since(since - _MAX_OPERATION_AGE, environment=environment)

    async def _lock_changes(self, environment: str, since: datetime, at: datetime) -> tuple[PlatformChange, ...]:
        earliest = since - _MAX_LOCK_DURATION
        async with self._store.read() as tx:
            locked = await tx.audit.search(what="lock", where=environment, since=earliest, limit=_MAX_LOCK_RECORDS)
            unlocked = await tx.audit.search(what="unlock", where=environment, since=earliest, limit=_MAX_LOCK_RECORDS)
            current_lock = await tx.locks.environment_lock(environment, at)
        return changes_from_locks(environment, [row.entry for row in (*locked, *unlocked)], current_lock)

    async def _cluster_state(self, environment: str, targets: Sequence[Target]) -> _ClusterState:
        cluster = self._cluster(environment)
        workloads, managers = await asyncio.gather(cluster.workloads(targets), cluster.field_managers(targets))
        return _ClusterState(workloads, managers)

    async def _autoscaler_changes(
        self, environment: str, targets: Sequence[Target], since: datetime
    ) -> tuple[PlatformChange, ...]:
        cluster, namespaces = self._cluster(environment), tuple(dict.fromkeys(target.namespace for target in targets))
        events = await asyncio.gather(*(cluster.scaling_events(namespace, since) for namespace in namespaces))
        return tuple(
            change
            for namespace, found in zip(namespaces, events, strict=True)
            for change in changes_from_autoscalers(found, [target for target in targets if target.namespace == namespace])
        )

    async def _external_changes(
        self, environment: str, cluster_state: _ClusterState, records: Iterable[OperationRecord], since: datetime
    ) -> tuple[PlatformChange, ...]:
        external: list[ExternalChange] = []
        scaled: list[PlatformChange] = []
        for target, workload in cluster_state.workloads.items():
            managers = cluster_state.managers.get(target, FieldManagers())
            external += external_changes(workload, managers, records, since)
            scaled += [change for change in changes_from_manual_scaling(workload, managers) if change.at >= since]
        templates = await self._templates(environment, external)
        return (*merge_simultaneous(change_from_external(change, templates) for change in external), *scaled)

    async def _templates(self, environment: str, external: Iterable[ExternalChange]) -> dict[str, Template]:
        """Templates by hash, as far as revisions still exist, to describe changes that left the image as it was."""
        templates: dict[str, Template] = {}
        for change in external:
            templates[change.workload.template_hash] = change.workload.template
            for revision in (change.revision, change.previous) if change.same_image else ():
                if revision is not None and revision.template_hash not in templates:
                    try:
                        template = await self._cluster(environment).template_of(change.workload.target, revision.template_hash)
                    except NotFound:
                        continue
                    templates[revision.template_hash] = template
        return templates

    async def _config_changes(
        self, environment: str, cluster_state: _ClusterState, since: datetime
    ) -> tuple[PlatformChange, ...]:
        workloads = cluster_state.workloads
        cluster = self._cluster(environment)
        queries = (cluster.config_changes(workload.target, workload.template, since) for workload in workloads.values())
        return changes_from_configs(environment, dict(zip(workloads, await asyncio.gather(*queries), strict=True)))

    def _cluster(self, environment: str) -> Cluster:
        return cluster_of(environment, self._catalogue(), self._clusters)


def _is_reusable(snapshot: _Snapshot, since: datetime, began_at: datetime, now: datetime) -> bool:
    """Whether the snapshot covers everything before the alert.

    An incomplete one serves later alerts too, since their own queries would probably time out as well.
    """
    complete = began_at <= snapshot.started_at or bool(snapshot.change_set.missing)
    return snapshot.since <= since and complete and now - snapshot.finished_at < SNAPSHOT_TTL


def _is_ongoing(change: PlatformChange, began_at: datetime) -> bool:
    return change.running or (change.ended_at is not None and change.ended_at >= began_at)
