"""Runs an operation from its claim to its end. After a crash it runs again and replays the recorded steps."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from domain.errors import Cancelled, DeepechoError, Drifted
from domain.operations.operation import OperationRecord, Outcome, State
from domain.operations.plans import Verb
from domain.operations.transitions import Transition, end_operation
from runbooks.engine.engine import Engine
from runbooks.operations.context import OperationContext, OperationEnded, ProcedureDependencies
from runbooks.operations.deploy import deploy
from runbooks.operations.procedure import abort
from runbooks.operations.restart import restart
from runbooks.operations.rollback import rollback
from runbooks.operations.scale import scale
from storage.operations import Fenced

log = structlog.get_logger()

PROCEDURES: Mapping[Verb, Callable[[OperationContext], Awaitable[Outcome]]] = {
    Verb.DEPLOY: deploy,
    Verb.ROLLBACK: rollback,
    Verb.RESTART: restart,
    Verb.SCALE: scale,
}


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs operations by their id."""

    engine: Engine
    dependencies: ProcedureDependencies

    async def run(self, operation_id: str) -> None:
        """Run an operation to its end. Does nothing if it has ended."""
        record = await self._claim(operation_id)
        if record is None:
            return
        log.debug("operation started", operation=operation_id, epoch=record.epoch, replica=record.owner)
        op = OperationContext(record, self.engine, self.dependencies)
        try:
            outcome = await self._outcome(op)
        except OperationEnded:
            return
        await op.step("end", end, op, outcome)

    async def _outcome(self, op: OperationContext) -> Outcome:
        """The outcome of the procedure, or the one that its domain error stands for."""
        try:
            return await PROCEDURES[op.record.verb](op)
        except Drifted as drifted:
            return await abort(op, State.DRIFTED, drifted.sentence)
        except Cancelled as cancelled:
            return await abort(op, State.CANCELLED, cancelled.sentence)
        except DeepechoError as error:
            return await abort(op, State.FAILED, error.sentence)

    async def _claim(self, operation_id: str) -> OperationRecord | None:
        """Claim the operation with a new epoch, which fences off a process that ran it before. None if it has ended."""
        async with self.dependencies.store.write() as tx:
            record = await tx.operations.get_for_update(operation_id)
            if record is None or record.state.final:
                return None
            claimed = replace(record, owner=self.engine.replica, epoch=record.epoch + 1)
            if not await tx.operations.claim(claimed):
                raise Fenced(f"{operation_id} was claimed by another replica at the same moment")
        return claimed


async def end(op: OperationContext, outcome: Outcome) -> None:
    """Store the end: state, released locks, card, thread and audit."""

    def end_transition(record: OperationRecord, at: datetime) -> Transition | None:
        if record.state.final:
            return None
        return end_operation(
            record, outcome.state, at, record.requested_by, outcome.text, outcome.end_state, unknown=outcome.unknown
        )

    await op.apply_transition(end_transition)
    op.dependencies.lock_release.notify()
