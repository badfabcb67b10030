"""Deploy: sets another image in the current template, one service after the other."""

from datetime import datetime

from domain.operations.operation import Outcome
from domain.operations.outcomes import deployed_text
from domain.operations.plans import ServiceChange
from domain.workloads.containers import with_image
from runbooks.operations.context import OperationContext
from runbooks.operations.procedure import run_procedure
from runbooks.operations.templates import set_planned_template


async def deploy(op: OperationContext) -> Outcome:
    """Deploy a version. Ends with every pod verified to run it, or with a description of the state."""
    return await run_procedure(op, set_image, deployed_text)


async def set_image(op: OperationContext, change: ServiceChange, _at: datetime) -> bool:
    """Set the new image; idempotent, since an annotation of the Deployment names the operation."""
    cluster = op.cluster(change.target.cluster)
    running = await cluster.workload(change.target)
    template = with_image(running.template, change.own_containers, change.after.image)
    cause = f"deepecho {op.id}: deploy {change.after.label}"
    return await set_planned_template(op, change, template, cause=cause, annotations_from_revision=False)
