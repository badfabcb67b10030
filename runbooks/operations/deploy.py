"""Deploy: the same template with another image, one service after the other."""

from datetime import datetime

from domain.operations.operation import Outcome
from domain.operations.plans import ServiceChange, running_sentence
from domain.workloads.deployments import with_image
from runbooks.operations.context import Operation
from runbooks.operations.procedure import carry_out


async def deploy(op: Operation) -> Outcome:
    """Ship a version. Ends with every pod verified to run it, or with the sentence that says what stands instead."""
    return await carry_out(op, put_image, lambda pods: running_sentence(op.plan, pods))


async def put_image(op: Operation, change: ServiceChange, _at: datetime) -> bool:
    """Set the new image. Done once, however often it is asked for: the Deployment remembers the operation."""
    cluster = op.cluster(change.target.cluster)
    running = await cluster.workload(change.target)
    template = with_image(running.template, change.target.container, change.after.image)
    return await cluster.put_template(
        change.target,
        template,
        uid=change.uid,
        expected=change.before.template_hash,
        operation_id=op.id,
        cause=f"deepecho {op.id}: deploy {change.after.version}",
        annotations_from_revision=False,
    )
