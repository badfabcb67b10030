"""Sets the template of a service, and records what the cluster made of it."""

from domain.operations.plans import ServiceChange
from domain.workloads.deployments import Template
from runbooks.operations.context import OperationContext


async def set_planned_template(
    op: OperationContext, change: ServiceChange, template: Template, *, cause: str, annotations_from_revision: bool
) -> bool:
    """Set it, idempotent as ``Cluster.set_template``.

    An admission webhook may alter a template on its way. The answer to the change shows it, and only the answer proves that it
    was not somebody else later. Where the answer is lost that stays unknown.
    """
    stored: list[str] = []
    is_new = await op.cluster(change.target.cluster).set_template(
        change.target,
        template,
        uid=change.uid,
        expected_hash=change.before.template_hash,
        operation_id=op.id,
        cause=cause,
        annotations_from_revision=annotations_from_revision,
        strategy=change.strategy,
        on_stored=stored.append,
    )
    if stored and stored[0] != change.after.template_hash:
        await op.update_progress(change.target.service, low_priority=True, altered_template=stored[0])
    return is_new
