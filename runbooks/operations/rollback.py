"""Rollback: restores the template of an earlier version like ``kubectl rollout undo``, one service after the other."""

from datetime import datetime

from domain.operations.operation import Outcome
from domain.operations.outcomes import deployed_text
from domain.operations.plans import ServiceChange
from runbooks.operations.context import OperationContext
from runbooks.operations.procedure import run_procedure
from runbooks.operations.templates import set_planned_template


async def rollback(op: OperationContext) -> Outcome:
    """Restore a version. Ends with every pod verified to run it, or with a description of the state."""
    return await run_procedure(op, set_previous_template, deployed_text)


async def set_previous_template(op: OperationContext, change: ServiceChange, _at: datetime) -> bool:
    """Set the earlier template; idempotent, since an annotation of the Deployment names the operation."""
    cluster = op.cluster(change.target.cluster)
    template = await cluster.template_of(change.target, change.after.template_hash, uid=change.uid)
    cause = f"deepecho {op.id}: rollback to {change.after.label}"
    return await set_planned_template(op, change, template, cause=cause, annotations_from_revision=True)
