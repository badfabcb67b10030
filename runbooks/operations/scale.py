"""Scale: another number of pods, for good or for a while."""

from datetime import datetime, timedelta

from domain.operations.operation import Outcome
from domain.operations.plans import ServiceChange
from domain.text import format_span
from runbooks.operations.context import Operation
from runbooks.operations.procedure import carry_out
from storage.timers import Timer

UNSCALE = "unscale"
"""The kind of the timer that puts the replicas of before back."""


async def scale(op: Operation) -> Outcome:
    """Set the replicas. Ends with that many pods ready, or with what stands instead."""
    (change,) = op.plan.changes
    lasts = op.record.lasts
    return await carry_out(op, put_replicas, lambda pods: _told(change, pods, lasts))


async def put_replicas(op: Operation, change: ServiceChange, at: datetime) -> bool:
    """Set ``spec.replicas``. Done once, however often it is asked for.

    The timer that puts the replicas of before back is set first: however this ends, the new number does not stay for good.
    """
    if op.record.lasts is not None:
        async with op.outside.store.write() as tx:
            await tx.timers.set(Timer(f"{UNSCALE}/{op.id}", UNSCALE, op.id, at + op.record.lasts))
    cluster = op.cluster(change.target.cluster)
    before, after = change.before.replicas, change.after.replicas
    return await cluster.scale(change.target, after, expected_replicas=before, operation_id=op.id, uid=change.uid)


def _told(change: ServiceChange, pods: int, lasts: timedelta | None) -> str:
    are = "pod is" if pods == 1 else "pods are"
    back = f" In {format_span(lasts)} it goes back to {change.before.replicas}." if lasts else ""
    return f"Verified: {pods} {are} ready (there were {change.before.replicas}).{back}"
