"""What a procedure sees of its operation: its plan, steps, the approval, the locks, and a way to say how it goes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from domain.clock import Clock
from domain.errors import Cancelled, Drifted, NotFound, Refused
from domain.notes import OperationNote
from domain.operations.operation import Cancellation, Change, OperationRecord, Phase, Progress, State, progressed
from domain.operations.plans import Plan, Verb, drift
from integrations.kubernetes import Cluster
from runbooks.engine.engine import Engine
from storage.store import Store

T = TypeVar("T")

LOCK_LOOK = 0.5
"""Seconds between looks at a lock that another operation holds."""


class Ended(Exception):
    """The operation was ended from outside while it waited; there is nothing left to do or to say."""


class PlansAgain(Protocol):
    """What can make an approved plan again on the world as it is now."""

    async def again(self, plan: Plan) -> Plan: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What procedures reach. ``clusters`` are keyed by the catalogue's names; ``rollout_within`` by environment."""

    store: Store
    clock: Clock
    clusters: Mapping[str, Cluster]
    planner: PlansAgain
    rollout_within: Callable[[str], timedelta]
    nudge: Callable[[], None]
    """Tells the delivery that the outbox has something new."""


class Operation:
    """One run of a procedure. After a crash it is made anew and the procedure is called again from its beginning."""

    def __init__(self, record: OperationRecord, engine: Engine, outside: Outside) -> None:
        self.record, self.outside = record, outside
        self._engine, self._epoch = engine, record.epoch

    @property
    def id(self) -> str:
        """The operation's id."""
        return self.record.id

    @property
    def plan(self) -> Plan:
        """What was asked for, and approved."""
        return self.record.plan

    def cluster(self, name: str) -> Cluster:
        """A cluster by its name in the catalogue."""
        return self.outside.clusters[name]

    async def step(self, name: str, do: Callable[..., Awaitable[T]], *args: object) -> T:
        """Once recorded, never done again. ``name`` is unique in the run."""
        return await self._engine.step(self.id, name, do, *args)

    async def approval(self) -> None:
        """Wait until a second person has approved. Raises ``Ended`` where it was rejected, cancelled or ran out of time."""
        if self.record.approval is None:
            return
        look = 0
        while (state := await self.step(f"decision {look}", self._state)) is State.WAITING:
            await self._engine.sleep(self.id)
            look += 1
        if state is not State.RUNNING:
            raise Ended

    async def lock(self) -> None:
        """Take the locks of every service, in the plan's order; wait while another operation holds one of them."""
        await self.step("lock", self._take_locks)

    async def still_as_approved(self) -> None:
        """Make the plan again. Raises ``Drifted`` where it is no longer what was approved."""
        await self.step("plan again", self._plan_again)

    async def go_on(self, name: str) -> None:
        """A safe point: raises ``Cancelled`` where somebody asked to stop."""
        await self.step(f"go on: {name}", self._stop_if_asked)

    async def now(self, name: str) -> datetime:
        """The time, recorded: the same one after a crash."""
        return await self.step(f"time: {name}", self._now)

    async def standing(self) -> tuple[Progress, ...]:
        """How each service stands at this end, recorded."""
        return await self.step("how it stands", self._standing)

    async def progress(
        self, service: str, *, quiet: bool = False, note: OperationNote | None = None, **changed: Any
    ) -> OperationRecord:
        """Within a step: say how a service stands (``changed``: fields of its ``Progress``). Answers with the record as it is."""
        at = self.outside.clock.now()
        async with self.outside.store.write() as tx:
            record = await self._locked(tx.operations.locked)
            before = record.of(service)
            after = replace(before, **changed)
            if after == before and note is None:
                return record
            change = progressed(record, after, quiet=quiet, notes=(note,) if note else ())
            await tx.apply(change, at)
        self.outside.nudge()
        return change.record

    async def asked_to_stop(self) -> Cancellation | None:
        """Within a step: who asked to stop, if anybody did."""
        async with self.outside.store.read() as tx:
            record = await tx.operations.get(self.id)
        return record.cancellation if record else None

    async def change(self, make: Callable[[OperationRecord, datetime], Change | None]) -> None:
        """Within a step: apply a transition of the whole record."""
        at = self.outside.clock.now()
        async with self.outside.store.write() as tx:
            change = make(await self._locked(tx.operations.locked), at)
            if change is not None:
                await tx.apply(change, at)
        self.outside.nudge()

    async def _locked(self, locked: Callable[..., Awaitable[OperationRecord | None]]) -> OperationRecord:
        record = await locked(self.id, epoch=self._epoch)
        if record is None:
            raise NotFound(f"{self.id} is no longer in the database.")
        return record

    async def _state(self) -> State:
        async with self.outside.store.read() as tx:
            record = await tx.operations.get(self.id)
        return State.NEEDS_PERSON if record is None else record.state

    async def phase_of(self, service: str) -> Phase:
        """Within a step: how far a service is."""
        return next(each.phase for each in await self._standing() if each.service == service)

    async def _standing(self) -> tuple[Progress, ...]:
        async with self.outside.store.read() as tx:
            record = await tx.operations.get(self.id)
        return record.progress if record else ()

    async def _now(self) -> datetime:
        return self.outside.clock.now()

    async def _stop_if_asked(self) -> None:
        if (asked := await self.asked_to_stop()) is not None:
            raise Cancelled(f"Stopped, as <@{asked.by.user_id}> asked.")

    async def _take_locks(self) -> None:
        patience = self.outside.rollout_within(self.record.environment)
        first = self.plan.services[0]
        deadline = self.outside.clock.now() + patience
        while (holder := await self._try_locks()) is not None:
            await self._stop_if_asked()
            if self.outside.clock.now() >= deadline:
                raise Refused(f"{holder} still held the lock after {patience.total_seconds() / 60:.0f} min. Nothing was changed.")
            await self.progress(first, detail=f"waits for {holder} to finish")
            await asyncio.sleep(LOCK_LOOK)
        await self.progress(first, detail="")

    async def _try_locks(self) -> str | None:
        """Take every lock or none; answers with the operation that stands in the way."""
        at = self.outside.clock.now()
        async with self.outside.store.write() as tx:
            record = await self._locked(tx.operations.locked)
            persons = await tx.locks.of_person(record.environment, at)
            if persons is not None and not (record.verb is Verb.ROLLBACK and record.passes_lock):
                raise Refused(f"<@{persons.by.user_id}> locked {record.environment}: {persons.reason}. Nothing was changed.")
            taken = await tx.locks.take(record.id, record.environment, self.plan.services, record.requested_by, at)
        return None if taken is None else taken.operation

    async def _plan_again(self) -> None:
        now = await self.outside.planner.again(self.plan)
        if changed := drift(self.plan, now):
            raise Drifted(f"The world moved since this was planned: {'; '.join(changed)}.")
