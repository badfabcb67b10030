"""Scale: sets the number of pods, permanently or for a duration."""

from datetime import datetime

from domain.leases.scales import REVERT_SCALE, revert_timer_key
from domain.operations.operation import Outcome
from domain.operations.outcomes import scaled_text
from domain.operations.plans import ServiceChange
from runbooks.operations.context import OperationContext
from runbooks.operations.procedure import run_procedure
from storage.timers import Timer


async def scale(op: OperationContext) -> Outcome:
    """Set the replicas. Ends with that many pods ready, or with a description of the state."""
    duration = op.record.duration
    return await run_procedure(op, set_replicas, lambda services: scaled_text(services[0], duration))


async def set_replicas(op: OperationContext, change: ServiceChange, at: datetime) -> bool:
    """Set ``spec.replicas``; idempotent.

    The timer that restores the previous replicas is set first: even after a crash the new number does not stay for good.
    """
    if op.record.duration is not None:
        async with op.dependencies.store.write() as tx:
            await tx.timers.set(Timer(revert_timer_key(op.id), REVERT_SCALE, op.id, at + op.record.duration), at)
    cluster = op.cluster(change.target.cluster)
    before, after = change.before.replicas, change.after.replicas
    return await cluster.scale(change.target, after, expected_replicas=before, operation_id=op.id, uid=change.uid)
