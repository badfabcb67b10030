"""The course that every change of the platform takes; what is put onto a Deployment is the procedure's own."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from domain.errors import Cancelled, PermanentError, TemporaryError
from domain.operations.operation import Outcome, Phase, State
from domain.operations.plans import ServiceChange
from runbooks.operations.context import OperationContext
from runbooks.operations.end_state import describe_end_state
from runbooks.operations.rollout import ServiceFailed, watch_and_verify

NOTHING_CHANGED = "Nothing was changed."

ApplyChange = Callable[[OperationContext, ServiceChange, datetime], Awaitable[bool]]
"""Sets the desired state of one service; the time was recorded before, so that doing it twice sets the same."""


async def run_procedure(op: OperationContext, apply_change: ApplyChange, success_text: Callable[[int], str]) -> Outcome:
    """Ask, lock, look again; then change each service in the plan's order and wait until its pods are verified.

    ``told`` makes the sentence of success from the number of verified pods.
    """
    await op.wait_for_approval()
    await op.acquire_locks()
    await op.still_as_approved()
    pods = 0
    try:
        for change in op.plan.changes:
            service = change.target.service
            await op.check_cancelled(service)
            at = await op.recorded_time(service)
            await op.step(f"change {service}", _change, op, apply_change, change, at)
            pods += await watch_and_verify(op, change)
    except ServiceFailed as failure:
        return await abort(op, State.FAILED, f"{failure.service} did not become ready: {failure.detail}")
    except Cancelled as cancelled:
        return await abort(op, State.CANCELLED, str(cancelled))
    return Outcome(state=State.SUCCEEDED, text=success_text(pods))


async def _change(op: OperationContext, put: ApplyChange, change: ServiceChange, at: datetime) -> bool:
    """Mark the service as being changed on the card, then change it: after a crash the card must not say "untouched"."""
    service, desired = change.target.service, change.after.replicas
    await op.update_progress(service, phase=Phase.CHANGING, desired=desired, started_at=op.dependencies.clock.now())
    return await put(op, change, at)


async def abort(op: OperationContext, state: State, text: str) -> Outcome:
    """An end before its time: what stands, service by service."""
    snapshot = await op.progress_snapshot()
    # A refusal speaks of the one service that it looked at; the lines below speak of all of them.
    text = text.removesuffix(f" {NOTHING_CHANGED}")
    if all(service_progress.phase in (Phase.WAITING, Phase.UNTOUCHED) for service_progress in snapshot):
        return Outcome(state=state, text=text, end_state=(NOTHING_CHANGED,))
    applied = await op.step("check applied changes", _applied_changes, op)
    changes = {change.target.service: change for change in op.plan.changes}
    lines: list[str] = []
    for service_progress in snapshot:
        is_applied = applied.get(service_progress.service, False)
        observed = (
            replace(service_progress, phase=Phase.ROLLING, desired=service_progress.desired) if is_applied else service_progress
        )
        lines += describe_end_state(changes[service_progress.service], observed, certain=is_applied is not None)
    return Outcome(state=state, text=text, end_state=tuple(lines))


async def _applied_changes(op: OperationContext) -> dict[str, bool | None]:
    """Of the services that were about to be changed: whether the cluster took it. None where it does not say."""
    applied: dict[str, bool | None] = {}
    for change in op.plan.changes:
        service = change.target.service
        if (await op.phase_of(service)) is Phase.CHANGING:
            try:
                applied[service] = (await op.cluster(change.target.cluster).workload(change.target)).operation_id == op.id
            except (PermanentError, TemporaryError):
                applied[service] = None
    return applied
