"""Recovery of operations after a crash, the death of a replica or an upgrade: start, resume, or leave to a person."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from domain.operations.operation import OperationRecord, State
from domain.operations.rights import catalogue_problem
from domain.operations.transitions import abandon, end_operation
from domain.people import BOT
from runbooks.engine.engine import Engine
from runbooks.engine.lease import Lease
from runbooks.operations.cluster_state import MAX_READ_SECONDS, read_end_state
from runbooks.operations.context import ProcedureDependencies
from runbooks.operations.end_state import describe_end_state
from runbooks.periodic import run_periodically
from storage.store import Transaction

log = structlog.get_logger()

RECOVERY_POLL_INTERVAL = timedelta(seconds=5)
"""How often to search for abandoned operations."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Takes over unfinished operations that no live replica runs."""

    engine: Engine
    lease: Lease
    dependencies: ProcedureDependencies
    _idle: set[str] = field(default_factory=set)
    """Workflows that DBOS believes to run here although there is no task for them. Seen twice in a row, they are resumed."""

    async def run(self) -> None:
        """Search every ``RECOVERY_POLL_INTERVAL``, until the process ends."""
        await run_periodically("recovery of operations", RECOVERY_POLL_INTERVAL, self.run_once)

    async def run_once(self) -> None:
        """Check every unfinished operation once."""
        live_replicas = await self._live_replicas()
        async with self.dependencies.store.read() as tx:
            unfinished = await tx.operations.unfinished()
        waiting = {record.id for record in unfinished if record.state is State.WAITING}
        for operation in self.engine.waiting - waiting:
            # A decision is stored, but the process that took it died before it sent the wake-up.
            await self.engine.wake(operation)
        for record in unfinished:
            is_ours = record.owner == self.engine.replica
            if is_ours and record.state is State.WAITING and catalogue_problem(record, self.dependencies.rights.catalogue()):
                await self._abandon(record.id)
            if self.engine.is_running(record.id):
                self._idle.discard(record.id)
            elif is_ours or record.owner not in live_replicas:
                await self._take_over(record, live_replicas)

    async def _abandon(self, operation: str) -> None:
        """End an operation that waits for an approval which nobody can give: the catalogue does not know its place any more."""
        at = self.dependencies.clock.now()
        async with self.dependencies.store.write() as tx:
            current = await tx.operations.get_for_update(operation)
            problem = catalogue_problem(current, self.dependencies.rights.catalogue()) if current else ""
            if current is None or current.state is not State.WAITING or not problem:
                return
            await tx.apply(abandon(current, problem, at), at)
        self.dependencies.notify_outbox()
        await self.engine.wake(operation)

    async def _live_replicas(self) -> frozenset[str]:
        dead_after = self.lease.dead_after()
        if dead_after is None:
            return frozenset({self.engine.replica})
        async with self.dependencies.store.read() as tx:
            return await tx.replicas.live(dead_after) | {self.engine.replica}

    async def _take_over(self, record: OperationRecord, live_replicas: frozenset[str]) -> None:
        workflow = await self.engine.state(record.id)
        if record.procedures_version != self.engine.procedures_version:
            await self._escalate(record, "deepecho was upgraded in the middle of this, and its steps are no longer the same.")
        elif workflow is None:
            # The process died between the transaction that stored the operation and the start of its workflow.
            if await self._claim(record):
                await self.engine.start(record.id)
        elif workflow.may_resume:
            gone = workflow.executor not in live_replicas or self._is_idle(record.id, workflow.executor)
            if gone and await self._claim(record):
                log.info("operation taken over", operation=record.id, owner=record.owner)
                await self.engine.resume(record.id)
        elif not workflow.waits_for_executor:
            await self._escalate(record, f"its procedure ended without an outcome ({workflow.status.lower()}).")

    def _is_idle(self, operation: str, executor: str) -> bool:
        """Whether a workflow of this replica has lost its task. Seen once, it may be just starting: it takes two in a row."""
        if executor != self.engine.replica:
            return False
        seen_before = operation in self._idle
        self._idle.symmetric_difference_update({operation})
        return seen_before

    async def _claim(self, record: OperationRecord) -> bool:
        """Claim the operation by compare-and-set on its epoch, so that only one of several replicas takes it over."""
        async with self.dependencies.store.write() as tx:
            return await self._claim_current(tx, record) is not None

    async def _escalate(self, record: OperationRecord, why: str) -> None:
        """End the operation as "a person must decide": state, locks, card, thread and audit in one transaction."""
        seen = await read_end_state(record, self.dependencies.clusters, MAX_READ_SECONDS)
        at = self.dependencies.clock.now()
        async with self.dependencies.store.write() as tx:
            claimed = await self._claim_current(tx, record)
            if claimed is None:
                return
            changes = {change.target.service: change for change in claimed.plan.changes}
            lines = tuple(
                line
                for progress in claimed.progress
                for line in describe_end_state(
                    changes[progress.service],
                    progress,
                    certain=False,
                    pods=seen[progress.service].pods,
                    asked=seen[progress.service].asked,
                )
            )
            text = f"A person must decide: {why}"
            await tx.apply(end_operation(claimed, State.NEEDS_PERSON, at, BOT, text, lines, unknown=claimed.plan.services), at)
        self.dependencies.notify_outbox()
        self.dependencies.lock_release.notify()

    async def _claim_current(self, tx: Transaction, seen: OperationRecord) -> OperationRecord | None:
        """Claim the operation and return its current record; None if it has ended or was claimed since it was ``seen``.

        The row is read again under a lock: a decision or its end may have been written since.
        """
        current = await tx.operations.get_for_update(seen.id)
        if current is None or current.state.final or current.epoch != seen.epoch:
            return None
        claimed = replace(current, owner=self.engine.replica, epoch=current.epoch + 1)
        return claimed if await tx.operations.claim(claimed) else None
