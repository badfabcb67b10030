"""What changed before an alert began: gathered from our own records and from the cluster, each source with its own time limit."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from domain.catalogue.catalogue import Catalogue
from domain.changes.config_changes import made_by_autoscalers, made_by_hand, made_to_configs
from domain.changes.external_changes import Step, made_by_step, steps, together
from domain.changes.own_changes import made_by_locks, made_by_operation
from domain.changes.platform_changes import PlatformChange, Suspect
from domain.changes.suspect_scoring import GRACE, WINDOW, suspects
from domain.clock import Clock
from domain.errors import NotFound, PermanentError, TemporaryError
from domain.operations.operation import OperationRecord
from domain.targets import Target
from domain.workloads.deployments import Template, Workload
from domain.workloads.field_managers import Hands
from integrations.kubernetes import Cluster
from runbooks.clusters import cluster_of
from storage.store import Store

LIMIT = timedelta(seconds=5)
"""For each source: the card is up already, and a thread that waits longer for its suspect is not read any more."""
FRESH = timedelta(seconds=10)
"""So long one look serves every alert of an environment that had begun by then: in a storm they all ask at once."""
_WAITED = timedelta(days=2)
"""An operation waits up to a day for its approval and rolls out for up to another (``Environment``)."""
_LONGEST_LOCK = timedelta(days=30)
"""See ``commands.operations.locks.LONGEST``: one that was set before then has run out."""
_LOCKS = 100
_CLUSTER, _DATABASE = "The cluster", "The database"

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The changes that were found, oldest first. ``missing`` says in sentences what could not be looked at."""

    changes: tuple[PlatformChange, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspected:
    """The suspects, the likeliest first, and what could not be looked at."""

    suspects: tuple[Suspect, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer(Generic[Found]):
    found: Found
    missing: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    at: datetime
    done: datetime
    since: datetime
    gathered: Gathered


@dataclass(frozen=True, slots=True)
class _Versions:
    workloads: Mapping[Target, Workload] = field(default_factory=dict)
    hands: Mapping[Target, Hands] = field(default_factory=dict)


class Suspecting:
    """Looks for changes. It changes nothing, and a source that does not answer never keeps the others' answers back."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        catalogue: Callable[[], Catalogue],
        clusters: Mapping[str, Cluster],
        limit: timedelta = LIMIT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._catalogue = catalogue
        self._clusters = clusters
        self._limit = limit
        self._looks: dict[str, _Look] = {}
        self._looking: dict[str, asyncio.Lock] = {}

    async def suspects(self, environment: str, service: str, *, began_at: datetime, within: timedelta = WINDOW) -> Suspected:
        """Gather, and score for an alert of this service; ``service`` is empty where no label names one."""
        gathered = await self.gather(environment, began_at=began_at, within=within)
        services = self._catalogue().services
        found = suspects(
            gathered.changes,
            environment=environment,
            service=service,
            began_at=began_at,
            depends_on={name: each.depends_on for name, each in services.items()},
            within=within,
        )
        return Suspected(suspects=found, missing=gathered.missing)

    async def gather(self, environment: str, *, began_at: datetime, within: timedelta = WINDOW) -> Gathered:
        """Every change of the environment from ``within`` before the alert to shortly after it began."""
        if environment not in self._catalogue().environments:
            return Gathered(missing=("No environment is known of this alert, so nothing was looked at.",))
        since, until = began_at - within, began_at + GRACE
        async with self._looking.setdefault(environment, asyncio.Lock()):
            look = self._looks.get(environment)
            if look is None or not _serves(look, since, began_at, self._clock.now()):
                # From the full hour, so that the next alert's window, begun minutes earlier, lies within it too.
                look = await self._look(environment, since.replace(minute=0, second=0, microsecond=0))
                self._looks[environment] = look
        found = [each for each in look.gathered.changes if each.at <= until and (each.at >= since or _lasts(each, began_at))]
        return Gathered(changes=tuple(found), missing=look.gathered.missing)

    async def _look(self, environment: str, since: datetime) -> _Look:
        """Everything since then, up to now."""
        at = self._clock.now()
        catalogue = self._catalogue()
        targets = [catalogue.target(environment, name) for name in catalogue.services]
        records, locks, versions, moves = await asyncio.gather(
            self._asked(_DATABASE, "our own operations", self._records(environment, since), ()),
            self._asked(_DATABASE, "locks", self._locks(environment, since, at), ()),
            self._asked(_CLUSTER, "deploys by others and changed ConfigMaps", self._versions(environment, targets), _Versions()),
            self._asked(_CLUSTER, "moves of autoscalers", self._moves(environment, targets, since), ()),
        )
        others, configs = await asyncio.gather(
            self._asked(_CLUSTER, "deploys by others", self._by_others(environment, versions.found, records.found, since), ()),
            self._asked(_CLUSTER, "changed ConfigMaps", self._configs(environment, versions.found, since), ()),
        )
        own = [change for record in records.found if (change := made_by_operation(record))]
        changes = (*own, *locks.found, *others.found, *configs.found, *moves.found)
        missing = [each.missing for each in (records, locks, versions, moves, others, configs) if each.missing]
        ordered = tuple(sorted(changes, key=lambda each: (each.at, each.kind, each.what, each.services)))
        gathered = Gathered(changes=ordered, missing=tuple(dict.fromkeys(missing)))
        return _Look(at, self._clock.now(), since, gathered)

    async def _asked(self, who: str, what: str, asking: Awaitable[Found], otherwise: Found) -> _Answer[Found]:
        """One source, on its own: its time limit and its failure concern nobody else."""
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                return _Answer(await asking)
        except (TimeoutError, TemporaryError):
            return _Answer(otherwise, f"{who} did not answer, so {what} are missing here.")
        except PermanentError as error:
            return _Answer(otherwise, f"{error} So {what} are missing here.")

    async def _records(self, environment: str, since: datetime) -> tuple[OperationRecord, ...]:
        async with self._store.read() as tx:
            return await tx.operations.since(since - _WAITED, environment=environment)

    async def _locks(self, environment: str, since: datetime, at: datetime) -> tuple[PlatformChange, ...]:
        begun = since - _LONGEST_LOCK
        async with self._store.read() as tx:
            locked = await tx.audit.search(what="lock", where=environment, since=begun, limit=_LOCKS)
            unlocked = await tx.audit.search(what="unlock", where=environment, since=begun, limit=_LOCKS)
            held = await tx.locks.of_person(environment, at)
        return made_by_locks(environment, [each.entry for each in (*locked, *unlocked)], held)

    async def _versions(self, environment: str, targets: list[Target]) -> _Versions:
        cluster = self._cluster(environment)
        workloads, hands = await asyncio.gather(cluster.workloads(targets), cluster.hands(targets))
        return _Versions(workloads, hands)

    async def _moves(self, environment: str, targets: list[Target], since: datetime) -> tuple[PlatformChange, ...]:
        namespace = self._catalogue().environments[environment].namespace
        return made_by_autoscalers(await self._cluster(environment).autoscaler_moves(namespace, since), targets)

    async def _by_others(
        self, environment: str, versions: _Versions, records: Iterable[OperationRecord], since: datetime
    ) -> tuple[PlatformChange, ...]:
        came: list[Step] = []
        scaled: list[PlatformChange] = []
        for target, workload in versions.workloads.items():
            hands = versions.hands.get(target, Hands())
            came += steps(workload, hands, records, since)
            scaled += [each for each in made_by_hand(workload, hands) if each.at >= since]
        templates = await self._templates(environment, came)
        return (*together(made_by_step(each, templates) for each in came), *scaled)

    async def _templates(self, environment: str, came: Iterable[Step]) -> dict[str, Template]:
        """By their hash, the templates between which only something else than the image changed, as far as they are kept."""
        found: dict[str, Template] = {}
        for step in came:
            found[step.workload.template_hash] = step.workload.template
            for revision in (step.revision, step.previous) if step.same_image else ():
                if revision is not None and revision.template_hash not in found:
                    try:
                        template = await self._cluster(environment).template_of(step.workload.target, revision.template_hash)
                    except NotFound:
                        continue
                    found[revision.template_hash] = template
        return found

    async def _configs(self, environment: str, versions: _Versions, since: datetime) -> tuple[PlatformChange, ...]:
        workloads = versions.workloads
        asked = (self._cluster(environment).config_changes(each.target, each.template, since) for each in workloads.values())
        return made_to_configs(environment, dict(zip(workloads, await asyncio.gather(*asked), strict=True)))

    def _cluster(self, environment: str) -> Cluster:
        return cluster_of(environment, self._catalogue(), self._clusters)


def _serves(look: _Look, since: datetime, began_at: datetime, now: datetime) -> bool:
    """Whether a look tells of everything before the alert. One that met silence serves later alerts too: so would they."""
    complete = began_at <= look.at or bool(look.gathered.missing)
    return look.since <= since and complete and now - look.done < FRESH


def _lasts(change: PlatformChange, began_at: datetime) -> bool:
    return change.running or (change.until is not None and change.until >= began_at)
