"""The lower half of the house for one test: a cluster, a database, the engine and everything that runs operations."""

import asyncio
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
from runbooks.engine.engine import PROCEDURES, Engine, Observer, unobserved
from runbooks.engine.lease import OnlyReplica
from runbooks.operations.context import Outside
from runbooks.operations.planner import Planner
from runbooks.operations.recovery import Recovery
from runbooks.operations.runner import Runner
from runbooks.operations.service import Operations
from runbooks.operations.timer_handlers import OperationTimerHandlers
from runbooks.timers import Clocks
from sandbox.cluster import FAST, StandInCluster
from sandbox.cluster import Pace as ClusterPace
from storage.engines import open_engines
from storage.migrate import migrate
from storage.outbox import OutboxRow, Pace
from storage.outbox_messages import load
from storage.store import Store
from tests.harness.samples.team import ANA, LEE, team_catalogue

PATIENCE = 60.0
AT_ONCE = Pace(post=timedelta(), edit=timedelta(), quiet=timedelta())


class ShiftedClock:
    """The machine's clock, which a test can put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def go_on(self, span: timedelta) -> None:
        self._ahead += span


@dataclass
class House:
    """What a test holds on to."""

    standing_in: StandInCluster | None
    cluster: Cluster
    store: Store
    clock: ShiftedClock
    planner: Planner
    engine: Engine
    operations: Operations
    recovery: Recovery
    clocks: Clocks
    outside: Outside
    catalogue: Catalogue
    said: list[object] = field(default_factory=list)

    @property
    def stand_in(self) -> StandInCluster:
        """The cluster itself, for trouble on request."""
        assert self.standing_in is not None, "a real cluster makes no trouble on request"
        return self.standing_in

    def target(self, service: str = "deep-echo-main", environment: str = "production") -> Target:
        return self.catalogue.target(environment, service)

    async def start(
        self, by: Member, version: str = "abc1234", environment: str = "production", source: str = "k1"
    ) -> OperationRecord:
        """Ask for a rollback of deep-echo-main."""
        plan = await self.planner.rollback(environment, version, "deep-echo-main")
        return await self.operations.start(plan, source=source, by=by, channel="C1", reason="errors since yesterday")

    async def begin(self, plan: Plan, *, by: Member = ANA, approver: Member = LEE, source: str = "") -> OperationRecord:
        """Start this, and approve it where it needs that."""
        source = source or f"{plan.verb.value} {plan.digest()}"
        record = await self.operations.start(plan, source=source, by=by, channel="C1", reason="errors since yesterday")
        if record.approval is None:
            return record
        return await self.operations.decide(record.id, approver, Decision.APPROVED)

    async def carried_out(self, plan: Plan, *, by: Member = ANA, approver: Member = LEE, source: str = "") -> OperationRecord:
        """Begin this and wait for its end."""
        return await self.ended((await self.begin(plan, by=by, approver=approver, source=source)).id)

    async def ended(self, operation: str) -> OperationRecord:
        """Wait until an operation has ended."""
        return await self.reached(operation, lambda record: record.state.final)

    async def reached(self, operation: str, holds: Callable[[OperationRecord], bool]) -> OperationRecord:
        """Wait until this is true of an operation."""
        async with asyncio.timeout(PATIENCE):
            while not holds(record := await self.operations.find(operation)):
                assert not record.state.final or holds(record), f"ended before that: {record.outcome} {record.stands}"
                await asyncio.sleep(0.02)
        return record

    async def deliver(self) -> list[object]:
        """Send whatever may be sent now; answers with every fact that was ever sent."""
        while True:
            async with self.store.write() as tx:
                at = self.clock.now()
                row = await tx.outbox.claim("r", at, AT_ONCE)
                if row is None:
                    return self.said
                await tx.outbox.delivered(row, row.channel, row.ts or f"{row.id}.0", at)
                await self.operations.on_delivered(tx, row, at)
            self.said.append(_fact(row))

    async def notes(self, operation: str) -> list[OperationNote]:
        """What the operation's thread says, in order."""
        return [each for each in await self.deliver() if isinstance(each, OperationNote) and each.operation == operation]

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
            return await tx.locks.all(self.clock.now())


def _fact(row: OutboxRow) -> object:
    return load(row.kind, row.version, row.fact)


@asynccontextmanager
async def open_house(
    folder: Path,
    database: str = "",
    observer: Observer = unobserved,
    *,
    pace: ClusterPace = FAST,
    catalogue: Catalogue | None = None,
) -> AsyncIterator[House]:
    """Everything open; closed again in reverse."""
    url = database or f"sqlite:///{folder / 'deepecho.sqlite'}"
    await migrate(url)
    clock, catalogue = ShiftedClock(), catalogue or team_catalogue()
    async with StandInCluster(pace=pace) as stand_in:
        stand_in.seed()
        kubeconfig = stand_in.kubeconfig(folder / "kubeconfig", context="production")
        settings = ClusterSettings(name="main", kubeconfig=str(kubeconfig))
        async with (
            open_cluster(settings, clock, redact=redact) as cluster,
            open_floor(url, clock, catalogue, stand_in, cluster, observer) as house,
        ):
            yield house


@asynccontextmanager
async def open_floor(
    url: str,
    clock: ShiftedClock,
    catalogue: Catalogue,
    stand_in: StandInCluster | None,
    cluster: Cluster,
    observer: Observer = unobserved,
    replica: str = "replica-1",
    procedures: int = PROCEDURES,
) -> AsyncIterator[House]:
    """The part that dies with a process: the store, the engine and what hangs on them."""
    store = Store(open_engines(url, pooled=False))
    lease = OnlyReplica(replica)
    clusters = {"main": cluster}
    planner = Planner(lambda: catalogue, clusters)
    engine = Engine(url, lease, procedures=procedures, observer=observer)
    outside = Outside(
        store=store,
        clock=clock,
        clusters=clusters,
        planner=planner,
        rollout_within=lambda name: catalogue.environments[name].rollout_within,
        nudge=lambda: None,
    )
    operations = Operations(engine, store, clock, lambda: catalogue, lambda: None)
    timers = OperationTimerHandlers(engine=engine, outside=outside, operations=operations, scale_plan=planner.scale)
    await engine.open(Runner(engine, outside).run)
    try:
        yield House(
            standing_in=stand_in,
            cluster=cluster,
            store=store,
            clock=clock,
            planner=planner,
            engine=engine,
            operations=operations,
            recovery=Recovery(engine, lease, outside),
            clocks=Clocks(store=store, clock=clock, replica=replica, handlers=timers.handlers),
            outside=outside,
            catalogue=catalogue,
        )
    finally:
        await engine.close()
        await store.close()
