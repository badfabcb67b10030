"""The steps that all procedures share; only the change of the Deployment differs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from domain.errors import Cancelled
from domain.operations.operation import Outcome, Phase, State
from domain.operations.outcomes import VerifiedService
from domain.operations.plans import ServiceChange
from domain.rich_text import Text, without_ending
from runbooks.operations.cluster_state import MAX_READ_SECONDS, ServiceSeen, read_end_state
from runbooks.operations.context import OperationContext
from runbooks.operations.end_state import describe_end_state
from runbooks.operations.rollout import ServiceFailed, watch_and_verify

NOTHING_CHANGED = "Nothing was changed."
MAX_STOP_SECONDS = 0.6
"""How long the end of an operation that a person stopped waits for the cluster: the person waits too."""

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
            await op.cluster_step(f"change {service}", service, _change, op, apply_change, change, at, is_read=False)
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
    if (await op.present_record()).progress_of(change.target.service).phase is not Phase.CHANGING:
        return False
    return (await op.cluster(change.target.cluster).workload(change.target)).operation_id == op.id


async def abort(op: OperationContext, state: State, text: Text) -> Outcome:
    """The outcome of an operation that ends early, with a description of each service's state."""
    snapshot = await op.progress_snapshot()
    # "Nothing was changed." in a refusal is about one service; earlier services may have been changed.
    text = without_ending(text, f" {NOTHING_CHANGED}")
    if all(service_progress.phase in (Phase.WAITING, Phase.UNTOUCHED) for service_progress in snapshot):
        return Outcome(state=state, text=text, end_state=(NOTHING_CHANGED,))
    limit = MAX_STOP_SECONDS if state is State.CANCELLED else MAX_READ_SECONDS
    seen = await op.step("read end state", _read_end_state, op, limit)
    changes = {change.target.service: change for change in op.plan.changes}
    lines: list[Text] = []
    unknown: list[str] = []
    for service_progress in snapshot:
        service = service_progress.service
        # A stopped request for a change may still arrive: that it is not there yet proves nothing.
        is_open = state is State.CANCELLED and service_progress.phase is Phase.CHANGING
        certain = seen[service].is_applied is not None and not is_open
        unknown += [] if certain or seen[service].is_applied else [service]
        observed = replace(service_progress, phase=Phase.ROLLING, detail="") if seen[service].is_applied else service_progress
        lines += describe_end_state(
            changes[service], observed, certain=certain, pods=seen[service].pods, asked=seen[service].asked
        )
    return Outcome(state=state, text=text, end_state=tuple(lines), unknown=tuple(unknown))


async def _read_end_state(op: OperationContext, limit: float) -> dict[str, ServiceSeen]:
    """Read what each service runs now, and record that a change has arrived whose outcome was open."""
    record = await op.present_record()
    seen = await read_end_state(record, op.dependencies.clusters, limit)
    for service, service_seen in seen.items():
        if service_seen.is_applied:
            await op.update_progress(service, phase=Phase.ROLLING, detail="")
    return seen
