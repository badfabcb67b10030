"""Operations without Slack: a cluster, a database, the engine and everything that runs operations."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.audit import AuditRecord
from domain.catalogue.catalogue import Catalogue
from domain.notes import OperationNote
from domain.operations.locks import LockRecord
from domain.operations.operation import Decision, OperationRecord
from domain.operations.plans import Plan
from domain.people import Member
from domain.redaction import redact
from domain.targets import Target
from integrations.kubernetes import Cluster, ClusterSettings, open_cluster
from runbooks.engine.engine import PROCEDURES_VERSION, Engine, StepObserver, ignore_step
from runbooks.engine.lease import SingleReplicaLease
from runbooks.operations.context import ProcedureDependencies
from runbooks.operations.lock_release import LockRelease
from runbooks.operations.planner import Planner
from runbooks.operations.recovery import Recovery
from runbooks.operations.rights import RightsCheck
from runbooks.operations.runner import Runner
from runbooks.operations.scale_leases import on_operation_saved
from runbooks.operations.service import OperationService
from runbooks.operations.timer_handlers import OperationTimerHandlers
from runbooks.timers import TimerDispatcher
from sandbox.cluster import FAST, StandInCluster
from sandbox.cluster import Pace as ClusterPace
from storage.engines import open_engines
from storage.migrate import migrate
from storage.outbox import OutboxRow, RateLimits
from storage.store import Store
from tests.harness.commands import seed_objects
from tests.harness.fakes.directory import MemoryDirectory
from tests.harness.families import load
from tests.harness.samples.team import ANA, LEE, team_catalogue

OPERATION_TIMEOUT = 60.0
PATIENCE = 1.5
"""Seconds for which a burst of refusals or of unreadable answers may last: its end comes sooner than in production."""
NO_RATE_LIMITS = RateLimits(post_interval=timedelta(), edit_interval=timedelta(), low_priority_interval=timedelta())


class OffsetClock:
    """The machine's clock, which a test can put forward, and set to another time."""

    def __init__(self) -> None:
        self._ahead, self._passed = timedelta(), 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def seconds(self) -> float:
        """Time that nobody can set."""
        return time.monotonic() + self._passed

    def advance(self, span: timedelta) -> None:
        """Let time pass."""
        self._ahead += span
        self._passed += span.total_seconds()

    def jump(self, span: timedelta) -> None:
        """Set the wall clock forward or back. No time passes."""
        self._ahead += span


class CurrentCatalogue:
    """The catalogue, which a test can replace as a reload does."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.current = catalogue

    def __call__(self) -> Catalogue:
        return self.current


@dataclass
class OperationsHarness:
    """The parts that run operations, and reads of what they did."""

    stand_in_or_none: StandInCluster | None
    cluster: Cluster
    store: Store
    clock: OffsetClock
    planner: Planner
    engine: Engine
    operations: OperationService
    recovery: Recovery
    timers: TimerDispatcher
    dependencies: ProcedureDependencies
    current_catalogue: CurrentCatalogue
    directory: MemoryDirectory
    delivered_facts: list[object] = field(default_factory=list)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue that holds now."""
        return self.current_catalogue()

    def reload(self, catalogue: Catalogue) -> None:
        """Let another catalogue hold from now on."""
        self.current_catalogue.current = catalogue

    @property
    def stand_in(self) -> StandInCluster:
        """The stand-in cluster, for injecting faults."""
        assert self.stand_in_or_none is not None, "a real cluster makes no trouble on request"
        return self.stand_in_or_none

    def target(self, service: str = "deep-echo-main", environment: str = "production") -> Target:
        return self.catalogue.target(environment, service)

    async def start(
        self, by: Member, version: str = "abc1234", environment: str = "production", source: str = "k1"
    ) -> OperationRecord:
        """Ask for a rollback of deep-echo-main."""
        plan = await self.planner.rollback(environment, version, "deep-echo-main")
        return await self.operations.start(plan, source=source, by=by, channel="C1", reason="errors since yesterday")

    async def start_plan(self, plan: Plan, *, by: Member = ANA, approver: Member = LEE, source: str = "") -> OperationRecord:
        """Start this, and approve it where it needs that."""
        source = source or f"{plan.verb.value} {plan.digest()}"
        record = await self.operations.start(plan, source=source, by=by, channel="C1", reason="errors since yesterday")
        if record.approval is None:
            return record
        return await self.operations.decide(record.id, approver, Decision.APPROVED)

    async def run_plan(self, plan: Plan, *, by: Member = ANA, approver: Member = LEE, source: str = "") -> OperationRecord:
        """Begin this and wait for its end."""
        return await self.wait_ended((await self.start_plan(plan, by=by, approver=approver, source=source)).id)

    async def wait_ended(self, operation: str) -> OperationRecord:
        """Wait until an operation has ended."""
        return await self.wait_until(operation, lambda record: record.state.final)

    async def wait_returned(self, operation: str) -> None:
        """Wait until an operation's workflow has returned, which is a little after the operation has ended."""
        async with asyncio.timeout(OPERATION_TIMEOUT):
            while self.engine.is_running(operation):
                await asyncio.sleep(0.02)

    async def wait_until(self, operation: str, condition: Callable[[OperationRecord], bool]) -> OperationRecord:
        """Wait until this is true of an operation."""
        async with asyncio.timeout(OPERATION_TIMEOUT):
            while not condition(record := await self.operations.find(operation)):
                assert not record.state.final or condition(record), f"ended before that: {record.outcome} {record.end_state}"
                await asyncio.sleep(0.02)
        return record

    async def deliver(self) -> list[object]:
        """Send whatever may be sent now; answers with every fact that was ever sent."""
        while True:
            async with self.store.write() as tx:
                at = self.clock.now()
                row = await tx.outbox.claim("r", at, NO_RATE_LIMITS)
                if row is None:
                    return self.delivered_facts
                await tx.outbox.mark_delivered(row, row.channel, row.ts or f"{row.id}.0", at)
                await self.operations.on_delivered(tx, row, at)
            self.delivered_facts.append(_load_fact(row))

    async def notes(self, operation: str) -> list[OperationNote]:
        """What the operation's thread says, in order."""
        return [each for each in await self.deliver() if isinstance(each, OperationNote) and each.operation_id == operation]

    async def audit(self) -> tuple[AuditRecord, ...]:
        """The whole log, oldest first."""
        async with self.store.read() as tx:
            return tuple([record async for record in tx.audit.walk()])

    async def image(self, namespace: str = "deep-echo-prod", name: str = "deep-echo-main") -> str:
        """What the Deployment is set to."""
        targets = [self.target(name, environment) for environment in self.catalogue.environments]
        target = next(each for each in targets if each.namespace == namespace)
        return (await self.cluster.workload(target)).image

    async def revisions(self) -> int:
        """How often production's deep-echo-main was changed, all in all."""
        return (await self.cluster.workload(self.target())).revision

    async def locks(self) -> tuple[LockRecord, ...]:
        """Every lock that is held."""
        async with self.store.read() as tx:
            return await tx.locks.active(self.clock.now())


def _load_fact(row: OutboxRow) -> object:
    return load(row.kind, row.version, row.fact)


_initialized: list[bytes] = []


async def _initialized_file(file: Path) -> str:
    """The address of an SQLite file as a first start leaves it: our tables and DBOS's, and nothing in them.

    It is made once in each process: migrations were a third of the time that a test took to open.
    """
    if not _initialized:
        url = f"sqlite:///{file}"
        await migrate(url)
        engine = Engine(url, SingleReplicaLease("replica-1"))
        await engine.open(_do_nothing)
        await engine.close()
        _initialized.append(_read(file))
    _write(file, _initialized[0])
    return f"sqlite:///{file}"


def _read(file: Path) -> bytes:
    return file.read_bytes()


def _write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


async def _do_nothing(_operation: str) -> None:
    pass


@asynccontextmanager
async def open_operations_harness(
    folder: Path,
    database: str = "",
    observer: StepObserver = ignore_step,
    *,
    pace: ClusterPace = FAST,
    catalogue: Catalogue | None = None,
) -> AsyncIterator[OperationsHarness]:
    """Everything open; closed again in reverse."""
    if database:
        await migrate(database)
    url = database or await _initialized_file(folder / "deepecho.sqlite")
    clock, catalogue = OffsetClock(), catalogue or team_catalogue()
    async with StandInCluster(pace=pace) as stand_in:
        stand_in.seed(seed_objects())
        kubeconfig = stand_in.kubeconfig(folder / "kubeconfig", context="production")
        settings = ClusterSettings(
            name="main", kubeconfig=str(kubeconfig), rights_patience=PATIENCE, unreadable_patience=PATIENCE
        )
        async with (
            open_cluster(settings, clock, redact=redact) as cluster,
            open_operations_process(url, clock, catalogue, stand_in, cluster, observer) as harness,
        ):
            yield harness


@asynccontextmanager
async def open_operations_process(
    url: str,
    clock: OffsetClock,
    catalogue: Catalogue,
    stand_in: StandInCluster | None,
    cluster: Cluster,
    observer: StepObserver = ignore_step,
    replica: str = "replica-1",
    procedures: int = PROCEDURES_VERSION,
    directory: MemoryDirectory | None = None,
) -> AsyncIterator[OperationsHarness]:
    """The part that dies with a process: the store, the engine and what hangs on them."""
    store = Store(open_engines(url, pooled=False))
    store.listeners.on_operation_saved.append(on_operation_saved)
    lease = SingleReplicaLease(replica)
    clusters, current_catalogue = {"main": cluster}, CurrentCatalogue(catalogue)
    planner = Planner(current_catalogue, clusters, store)
    engine = Engine(url, lease, procedures_version=procedures, observer=observer)
    directory = directory or MemoryDirectory()
    rights = RightsCheck(
        store=store,
        clock=clock,
        directory=directory,
        catalogue=current_catalogue,
        max_slack_outage=timedelta(seconds=3),
    )
    lock_release = LockRelease()
    outside = ProcedureDependencies(
        store=store,
        clock=clock,
        clusters=clusters,
        planner=planner,
        rights=rights,
        rollout_within=lambda name: current_catalogue().rollout_within(name),
        notify_outbox=lambda: None,
        lock_release=lock_release,
        refusal_patience=timedelta(seconds=PATIENCE),
        seconds=clock.seconds,
    )
    operations = OperationService(engine, store, clock, current_catalogue, rights, lambda: None, lock_release)
    timers = OperationTimerHandlers(engine=engine, dependencies=outside, operations=operations, scale_plan=planner.scale)
    await engine.open(Runner(engine, outside).run)
    try:
        yield OperationsHarness(
            stand_in_or_none=stand_in,
            cluster=cluster,
            store=store,
            clock=clock,
            planner=planner,
            engine=engine,
            operations=operations,
            recovery=Recovery(engine, lease, outside),
            timers=TimerDispatcher(store=store, clock=clock, replica=replica, handlers=timers.handlers),
            dependencies=outside,
            current_catalogue=current_catalogue,
            directory=directory,
        )
    finally:
        await engine.close()
        await store.close()
