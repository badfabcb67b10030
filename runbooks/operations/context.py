"""The interface between a procedure and its operation: plan, steps, approval, locks and progress."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Protocol, TypeVar

from domain.clock import Clock, Seconds, Stopwatch
from domain.errors import Cancelled, Drifted, NotFound, Refused
from domain.notes import OperationNote
from domain.operations.locks import lock_refusal
from domain.operations.operation import Cancellation, OperationRecord, Progress, State
from domain.operations.plans import Plan, drift
from domain.operations.rights import passes_lock, require_in_catalogue
from domain.operations.transitions import Transition, update_progress
from domain.rich_text import sentence
from integrations.kubernetes import Cluster
from runbooks.engine.engine import Engine
from runbooks.operations.attempts import VisibleAttempts
from runbooks.operations.lock_release import LockRelease
from runbooks.operations.rights import RightsCheck
from storage.store import Store

T = TypeVar("T")

LOCK_POLL_INTERVAL = 5.0
"""Seconds between looks at a lock that another operation holds: for one that another replica releases."""

HOLDER_REFRESH_INTERVAL = timedelta(seconds=30)
"""How often a card says anew for whom its operation waits: of 150 that wait, each would write whenever one has had its turn."""

CANCEL_POLL_INTERVAL = 0.3
"""Seconds between polls for a cancellation while a step waits for the cluster."""
REFUSAL_PATIENCE = timedelta(seconds=10)
"""How long the cluster may refuse what a step reads, also with a right that was never used before."""


class OperationEnded(Exception):
    """The operation was ended while it waited for approval. Whoever ended it has stored and reported the end."""


class Replanner(Protocol):
    """Makes an approved plan again from the current state of the cluster."""

    async def replan(self, plan: Plan) -> Plan: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureDependencies:
    """Dependencies of procedures. ``clusters`` are keyed by cluster name; ``rollout_within`` takes an environment."""

    store: Store
    clock: Clock
    clusters: Mapping[str, Cluster]
    planner: Replanner
    rights: RightsCheck
    rollout_within: Callable[[str], timedelta]
    notify_outbox: Callable[[], None]
    """Wakes the outbox worker."""
    lock_release: LockRelease
    """Wakes operations that wait for a lock."""
    refusal_patience: timedelta = REFUSAL_PATIENCE
    """How long a refusal of the cluster may pass within a step that only reads."""
    seconds: Seconds = time.monotonic
    """Measures waits and patience."""


class OperationContext:
    """The context of one run. After a crash a new context is made and the procedure starts again from its beginning."""

    def __init__(self, record: OperationRecord, engine: Engine, dependencies: ProcedureDependencies) -> None:
        self.record, self.dependencies = record, dependencies
        self._engine, self._epoch = engine, record.epoch

    @property
    def id(self) -> str:
        """The operation's id."""
        return self.record.id

    @property
    def plan(self) -> Plan:
        """The plan that was approved."""
        return self.record.plan

    def cluster(self, name: str) -> Cluster:
        """A cluster by its name in the catalogue."""
        return self.dependencies.clusters[name]

    async def step(self, name: str, action: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run a step once: a replay returns its recorded result. ``name`` is unique within the operation."""
        return await self._engine.step(self.id, name, action, *args)

    async def cluster_step(
        self,
        name: str,
        service: str,
        action: Callable[..., Awaitable[T]],
        *args: object,
        is_read: bool = True,
        stopped: str = "",
        stop_after: float = 0.0,
    ) -> T:
        """A step that asks or changes the cluster. Stop ends it at once, also between attempts; the card says why it tries again.

        Raises ``Cancelled`` if a person asked to stop, with the text ``stopped`` where one is given. What is nearly done may take
        ``stop_after`` seconds more.
        """

        async def show(detail: str) -> None:
            await self.update_progress(service, detail=detail)

        patience = self.dependencies.refusal_patience if is_read else None
        attempts = VisibleAttempts(show, patience, self.dependencies.seconds)

        @wraps(action)
        async def attempt(*attempt_args: object) -> T:
            async with attempts.attempt():
                return await action(*attempt_args)

        async def interrupt() -> None:
            while True:
                # Shielded: the end of the step must not cut a read of the database in the middle.
                if await asyncio.shield(self.requested_cancellation()):
                    await asyncio.sleep(stop_after)
                    await self._raise_if_cancelled(stopped)
                await asyncio.sleep(CANCEL_POLL_INTERVAL)

        return await self._engine.step(self.id, name, attempt, *args, interrupt=interrupt)

    async def wait_for_approval(self) -> None:
        """Wait until a second person has approved. Raises ``OperationEnded`` if it was rejected, cancelled or has expired."""
        if self.record.approval is None:
            return
        # Each read is a step of its own name: a replay has to pass through the same states as the first run.
        attempt = 0
        while (state := await self.step(f"decision {attempt}", self._read_state)) is State.WAITING:
            await self._engine.wait_until_woken(self.id)
            attempt += 1
        if state is not State.RUNNING:
            raise OperationEnded

    async def acquire_locks(self) -> None:
        """Take the locks of all services; wait while another operation holds one of them."""
        await self.step("lock", self._wait_for_locks)

    async def still_as_approved(self) -> None:
        """Make the plan again. Raises ``Drifted`` if it differs from what was approved."""
        await self.cluster_step("replan", self.plan.services[0], self._check_drift)

    async def check_cancelled(self, name: str) -> None:
        """A safe point: raises ``Cancelled`` if a person asked to stop."""
        await self.step(f"check cancelled: {name}", self._raise_if_cancelled)

    async def recorded_time(self, name: str) -> datetime:
        """The current time, recorded: a replay returns the same time."""
        return await self.step(f"time: {name}", self._current_time)

    async def progress_snapshot(self) -> tuple[Progress, ...]:
        """The progress of each service, recorded."""
        return await self.step("progress snapshot", self._read_progress)

    async def update_progress(
        self, service: str, *, low_priority: bool = False, note: OperationNote | None = None, **changed: Any
    ) -> OperationRecord:
        """Update a service's progress (``changed`` are fields of ``Progress``). Returns the record. Call it within a step."""
        at = self.dependencies.clock.now()
        async with self.dependencies.store.write() as tx:
            record = await self._load_for_update(tx.operations.get_for_update)
            before = record.progress_of(service)
            after = replace(before, **changed)
            if after == before and note is None:
                return record
            transition = update_progress(record, after, low_priority=low_priority, notes=(note,) if note else ())
            await tx.apply(transition, at)
        self.dependencies.notify_outbox()
        return transition.record

    async def require_rights(self, service: str) -> None:
        """Raise ``Refused`` unless it may change a service now. While Slack cannot say so it waits. Call it within a step."""

        async def on_wait(reason: str) -> None:
            await self._raise_if_cancelled()
            await self.update_progress(service, detail=reason)

        async with self.dependencies.store.read() as tx:
            record = await tx.operations.get(self.id)
        await self.dependencies.rights.require(record or self.record, on_wait)

    async def requested_cancellation(self) -> Cancellation | None:
        """The cancellation, if a person asked for one. Call it within a step."""
        async with self.dependencies.store.read() as tx:
            record = await tx.operations.get(self.id)
        return record.cancellation if record else None

    async def apply_transition(self, make_transition: Callable[[OperationRecord, datetime], Transition | None]) -> None:
        """Apply a transition to the current record; None leaves it as it is. Call it within a step."""
        at = self.dependencies.clock.now()
        async with self.dependencies.store.write() as tx:
            transition = make_transition(await self._load_for_update(tx.operations.get_for_update), at)
            if transition is not None:
                await tx.apply(transition, at)
        self.dependencies.notify_outbox()

    async def _load_for_update(self, load: Callable[..., Awaitable[OperationRecord | None]]) -> OperationRecord:
        # The epoch fences: if another process has claimed the operation since, this raises Fenced.
        record = await load(self.id, epoch=self._epoch)
        if record is None:
            raise NotFound(f"{self.id} is no longer in the database.")
        return record

    async def _read_state(self) -> State:
        async with self.dependencies.store.read() as tx:
            record = await tx.operations.get(self.id)
        return State.NEEDS_PERSON if record is None else record.state

    async def present_record(self) -> OperationRecord:
        """The record as it is stored now. Call it within a step."""
        async with self.dependencies.store.read() as tx:
            return await tx.operations.get(self.id) or self.record

    async def _read_progress(self) -> tuple[Progress, ...]:
        async with self.dependencies.store.read() as tx:
            record = await tx.operations.get(self.id)
        return record.progress if record else ()

    async def _current_time(self) -> datetime:
        return self.dependencies.clock.now()

    async def _raise_if_cancelled(self, text: str = "") -> None:
        if (cancellation := await self.requested_cancellation()) is not None:
            raise Cancelled(text or sentence("Stopped, as ", cancellation.by, " asked."))

    async def _wait_for_locks(self) -> None:
        timeout = self.dependencies.rollout_within(self.record.environment)
        first = self.plan.services[0]
        stopwatch, lock_release = Stopwatch(self.dependencies.seconds), self.dependencies.lock_release
        shown_at: timedelta | None = None
        while True:
            released = lock_release.next
            async with lock_release.turn:
                holder = await self._blocking_operation() or await self._try_acquire_locks()
            if holder is None:
                break
            await self._raise_if_cancelled()
            if stopwatch.elapsed >= timeout:
                raise Refused(f"{holder} still held the lock after {timeout.total_seconds() / 60:.0f} min. Nothing was changed.")
            if shown_at is None or stopwatch.elapsed - shown_at >= HOLDER_REFRESH_INTERVAL:
                await self.update_progress(first, low_priority=True, detail=f"waits for {holder} to finish")
                shown_at = stopwatch.elapsed
            await lock_release.wait(released, LOCK_POLL_INTERVAL)
        await self.update_progress(first, detail="")

    async def _blocking_operation(self) -> str | None:
        """The id of an operation that holds one of the locks. It only reads: many may wait for one lock."""
        async with self.dependencies.store.read() as tx:
            blocking = await tx.locks.blocking_lock(self.id, self.record.environment, self.plan.services)
        return blocking.operation if blocking else None

    async def _try_acquire_locks(self) -> str | None:
        """Take all locks or none. Returns the id of an operation that holds one of them."""
        at = self.dependencies.clock.now()
        async with self.dependencies.store.write() as tx:
            record = await self._load_for_update(tx.operations.get_for_update)
            lock = await tx.locks.change_lock(record.environment, at)
            if lock is not None and not passes_lock(record, lock):
                raise lock_refusal(lock)
            conflict = await tx.locks.lock_services(record.id, record.environment, self.plan.services, record.requested_by, at)
        return None if conflict is None else conflict.operation

    async def _check_drift(self) -> None:
        require_in_catalogue(self.record, self.dependencies.rights.catalogue())
        replanned = await self.dependencies.planner.replan(self.plan)
        if changed := drift(self.plan, replanned):
            raise Drifted(f"The cluster changed since this was planned: {'; '.join(changed)}.")
