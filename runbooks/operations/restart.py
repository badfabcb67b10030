"""Restart: every pod of a service replaced by a new one of the same version."""

from datetime import datetime

from domain.operations.operation import Outcome
from domain.operations.plans import ServiceChange
from runbooks.operations.context import Operation
from runbooks.operations.procedure import carry_out


async def restart(op: Operation) -> Outcome:
    """Replace every pod, a few at a time. Ends with all of them new and ready, or with what stands instead."""
    services = ", ".join(op.plan.services)
    return await carry_out(op, put_restart, lambda pods: f"Verified: {pods} new pods of {services} are ready.")


async def put_restart(op: Operation, change: ServiceChange, at: datetime) -> bool:
    """Set the template's ``restartedAt``, as ``kubectl rollout restart`` does. Done once, however often it is asked for."""
    cluster = op.cluster(change.target.cluster)
    return await cluster.restart(
        change.target, expected_hash=change.before.template_hash, restarted_at=at, operation_id=op.id, uid=change.uid
    )
