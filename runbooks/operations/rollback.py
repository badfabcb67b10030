"""Roll back: the template of a version that ran before, as ``kubectl rollout undo`` puts it back, one service after the other."""

from datetime import datetime

from domain.operations.operation import Outcome
from domain.operations.plans import ServiceChange, running_sentence
from runbooks.operations.context import Operation
from runbooks.operations.procedure import carry_out


async def rollback(op: Operation) -> Outcome:
    """Put a version back. Ends with every pod verified to run it, or with the sentence that says what stands instead."""
    return await carry_out(op, put_back, lambda pods: running_sentence(op.plan, pods))


async def put_back(op: Operation, change: ServiceChange, _at: datetime) -> bool:
    """Set the old template. Done once, however often it is asked for: the Deployment remembers the operation."""
    cluster = op.cluster(change.target.cluster)
    template = await cluster.template_of(change.target, change.after.template_hash)
    return await cluster.put_template(
        change.target,
        template,
        uid=change.uid,
        expected=change.before.template_hash,
        operation_id=op.id,
        cause=f"deepecho {op.id}: rollback to {change.after.version}",
        annotations_from_revision=True,
    )
