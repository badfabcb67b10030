"""What a crash, a dead replica or an upgrade left behind: started, resumed, or put into a person's hands."""

import asyncio
from dataclasses import dataclass, field, replace

import structlog

from domain.errors import TemporaryError
from domain.operations.operation import OperationRecord, State, ended
from domain.people import BOT
from runbooks.engine.engine import Engine
from runbooks.engine.lease import Lease
from runbooks.operations.context import Outside
from runbooks.operations.end_state import stands
from storage.store import Transaction

log = structlog.get_logger()

LOOK = 5.0
"""Seconds between looks for operations that nobody carries."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Looks after operations that are not finished and that nobody who lives carries."""

    engine: Engine
    lease: Lease
    outside: Outside
    _idle: set[str] = field(default_factory=set)
    """Workflows that DBOS takes for running here though no task of theirs does; seen twice, they are resumed."""

    async def keep(self) -> None:
        """Look, again and again, for as long as the process lives."""
        while True:
            try:
                await self.look()
            except TemporaryError as error:
                # The next look finds the same operations; a database that stays away ends the process through its lease.
                log.warning("could not look for abandoned operations", error=str(error))
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """One look over every unfinished operation."""
        alive = await self._alive()
        async with self.outside.store.read() as tx:
            unfinished = await tx.operations.unfinished()
        waiting = {record.id for record in unfinished if record.state is State.WAITING}
        for operation in self.engine.asleep - waiting:
            # It was decided, but the wake-up was lost with the process that took the decision.
            await self.engine.wake(operation)
        for record in unfinished:
            mine = record.owner == self.engine.replica
            if self.engine.is_running(record.id):
                self._idle.discard(record.id)
            elif mine or record.owner not in alive:
                await self._take_over(record, alive)

    async def _alive(self) -> frozenset[str]:
        dead_after = self.lease.dead_after()
        if dead_after is None:
            return frozenset({self.engine.replica})
        async with self.outside.store.read() as tx:
            return await tx.replicas.alive(dead_after) | {self.engine.replica}

    async def _take_over(self, record: OperationRecord, alive: frozenset[str]) -> None:
        workflow = await self.engine.state(record.id)
        if record.procedures != self.engine.procedures:
            await self._hand_over(record, "deepecho was upgraded in the middle of this, and its steps are no longer the same.")
        elif workflow is None:
            if await self._claim(record):
                await self.engine.begin(record.id)
        elif workflow.may_resume:
            gone = workflow.executor not in alive or self._is_idle(record.id, workflow.executor)
            if gone and await self._claim(record):
                log.info("taking an operation over", operation=record.id, owner=record.owner)
                await self.engine.resume(record.id)
        elif not workflow.waits_for_executor:
            await self._hand_over(record, f"its procedure ended without an outcome ({workflow.status.lower()}).")

    def _is_idle(self, operation: str, executor: str) -> bool:
        """A workflow of ours whose task died: DBOS could not even record that. Once may be the moment in which it starts."""
        if executor != self.engine.replica:
            return False
        again = operation in self._idle
        self._idle.symmetric_difference_update({operation})
        return again

    async def _claim(self, record: OperationRecord) -> bool:
        """Own it by compare-and-set: of several survivors one goes on."""
        async with self.outside.store.write() as tx:
            return await self._mine(tx, record) is not None

    async def _hand_over(self, record: OperationRecord, why: str) -> None:
        """End it as "a person must decide": state, freed lock, card, thread and audit in one transaction."""
        at = self.outside.clock.now()
        async with self.outside.store.write() as tx:
            mine = await self._mine(tx, record)
            if mine is None:
                return
            changes = {change.target.service: change for change in mine.plan.changes}
            lines = tuple(line for each in mine.progress for line in stands(changes[each.service], each, certain=False))
            await tx.apply(ended(mine, State.NEEDS_PERSON, at, BOT, f"A person must decide: {why}", lines), at)
        self.outside.nudge()

    async def _mine(self, tx: Transaction, seen: OperationRecord) -> OperationRecord | None:
        """The operation as it is now, claimed; None where it has ended or was claimed since it was seen.

        Never as it was seen: a decision or its end may have been written meanwhile.
        """
        present = await tx.operations.locked(seen.id)
        if present is None or present.state.final or present.epoch != seen.epoch:
            return None
        mine = replace(present, owner=self.engine.replica, epoch=present.epoch + 1)
        return mine if await tx.operations.claim(mine) else None
