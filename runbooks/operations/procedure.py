"""The steps that all procedures share; only the change of the Deployment differs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from domain.errors import Cancelled, PermanentError, TemporaryError
from domain.operations.operation import Outcome, Phase, State
from domain.operations.outcomes import VerifiedService
from domain.operations.plans import ServiceChange
from domain.rich_text import Text, without_ending
from runbooks.operations.context import OperationContext
from runbooks.operations.end_state import describe_end_state
from runbooks.operations.rollout import ServiceFailed, watch_and_verify

NOTHING_CHANGED = "Nothing was changed."

ApplyChange = Callable[[OperationContext, ServiceChange, datetime], Awaitable[bool]]
"""Sets the desired state of one service. Its time is recorded before, so that a replay sets the same state."""

SuccessText = Callable[[Sequence[VerifiedService]], str]
"""Makes the final sentence from what was verified of each service."""


async def run_procedure(op: OperationContext, apply_change: ApplyChange, success_text: SuccessText) -> Outcome:
    """Wait for approval, lock, check for drift; then change the services in the plan's order and verify each one's pods."""
    await op.wait_for_approval()
    await op.acquire_locks()
    await op.still_as_approved()
    verified: list[VerifiedService] = []
    try:
        for change in op.plan.changes:
            service = change.target.service
            await op.check_cancelled(service)
            at = await op.recorded_time(service)
            await op.step(f"change {service}", _change, op, apply_change, change, at)
            verified.append(await watch_and_verify(op, change))
    except ServiceFailed as failure:
        return await abort(op, State.FAILED, str(failure))
    except Cancelled as cancelled:
        return await abort(op, State.CANCELLED, cancelled.sentence)
    return Outcome(state=State.SUCCEEDED, text=success_text(verified))


async def _change(op: OperationContext, apply_change: ApplyChange, change: ServiceChange, at: datetime) -> bool:
    """Set the phase, then change the service: after a crash in between the card must not say that it was not touched."""
    service, desired = change.target.service, change.after.replicas
    if not await _is_applied(op, change):
        await op.require_rights(service)
    await op.update_progress(service, phase=Phase.CHANGING, desired=desired, started_at=op.dependencies.clock.now(), detail="")
    return await apply_change(op, change, at)


async def _is_applied(op: OperationContext, change: ServiceChange) -> bool:
    """Whether an earlier attempt of this step, before a crash, has made the change: then it is watched to its end."""
    if await op.phase_of(change.target.service) is not Phase.CHANGING:
        return False
    return (await op.cluster(change.target.cluster).workload(change.target)).operation_id == op.id


async def abort(op: OperationContext, state: State, text: Text) -> Outcome:
    """The outcome of an operation that ends early, with a description of each service's state."""
    snapshot = await op.progress_snapshot()
    # "Nothing was changed." in a refusal is about one service; earlier services may have been changed.
    text = without_ending(text, f" {NOTHING_CHANGED}")
    if all(service_progress.phase in (Phase.WAITING, Phase.UNTOUCHED) for service_progress in snapshot):
        return Outcome(state=state, text=text, end_state=(NOTHING_CHANGED,))
    applied = await op.step("check applied changes", _applied_changes, op)
    changes = {change.target.service: change for change in op.plan.changes}
    lines: list[Text] = []
    for service_progress in snapshot:
        is_applied = applied.get(service_progress.service, False)
        observed = (
            replace(service_progress, phase=Phase.ROLLING, desired=service_progress.desired) if is_applied else service_progress
        )
        lines += describe_end_state(changes[service_progress.service], observed, certain=is_applied is not None)
    return Outcome(state=state, text=text, end_state=tuple(lines))


async def _applied_changes(op: OperationContext) -> dict[str, bool | None]:
    """For each service in phase CHANGING, whether the cluster has the change; None if the cluster does not answer."""
    applied: dict[str, bool | None] = {}
    for change in op.plan.changes:
        service = change.target.service
        if (await op.phase_of(service)) is Phase.CHANGING:
            try:
                applied[service] = (await op.cluster(change.target.cluster).workload(change.target)).operation_id == op.id
            except (PermanentError, TemporaryError):
                applied[service] = None
    return applied
