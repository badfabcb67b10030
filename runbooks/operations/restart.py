"""Restart: replaces every pod of a service by a new one of the same version."""

from datetime import datetime

from domain.operations.operation import Outcome
from domain.operations.outcomes import restarted_text
from domain.operations.plans import ServiceChange
from runbooks.operations.context import OperationContext
from runbooks.operations.procedure import run_procedure


async def restart(op: OperationContext) -> Outcome:
    """Replace every pod by a rolling update. Ends with all pods new and ready, or with a description of the state."""
    return await run_procedure(op, set_restarted_at, restarted_text)


async def set_restarted_at(op: OperationContext, change: ServiceChange, at: datetime) -> bool:
    """Set the template's annotation restartedAt like ``kubectl rollout restart``; idempotent by its recorded time."""
    cluster = op.cluster(change.target.cluster)
    return await cluster.restart(
        change.target,
        expected_hash=change.before.template_hash,
        restarted_at=at,
        operation_id=op.id,
        uid=change.uid,
        strategy=change.strategy,
    )
