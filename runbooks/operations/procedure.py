"""The course that every change of the platform takes; what is put onto a Deployment is the procedure's own."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from domain.errors import Cancelled, PermanentError, TemporaryError
from domain.operations.operation import Outcome, Phase, State
from domain.operations.plans import ServiceChange
from runbooks.operations.context import Operation
from runbooks.operations.end_state import stands
from runbooks.operations.rollout import Failed, settle

NOTHING_CHANGED = "Nothing was changed."

Put = Callable[[Operation, ServiceChange, datetime], Awaitable[bool]]
"""Sets the desired state of one service; the time was recorded before, so that doing it twice sets the same."""


async def carry_out(op: Operation, put: Put, told: Callable[[int], str]) -> Outcome:
    """Ask, lock, look again; then change each service in the plan's order and wait until its pods are verified.

    ``told`` makes the sentence of success from the number of verified pods.
    """
    await op.approval()
    await op.lock()
    await op.still_as_approved()
    pods = 0
    try:
        for change in op.plan.changes:
            service = change.target.service
            await op.go_on(service)
            at = await op.now(service)
            await op.step(f"change {service}", _change, op, put, change, at)
            pods += await settle(op, change)
    except Failed as failure:
        return await ending(op, State.FAILED, f"{failure.service} did not get there: {failure.detail}")
    except Cancelled as cancelled:
        return await ending(op, State.CANCELLED, str(cancelled))
    return Outcome(state=State.SUCCEEDED, text=told(pods))


async def _change(op: Operation, put: Put, change: ServiceChange, at: datetime) -> bool:
    """Mark the service as being changed on the card, then change it: after a crash the card must not say "untouched"."""
    service, desired = change.target.service, change.after.replicas
    await op.progress(service, phase=Phase.CHANGING, desired=desired, started_at=op.outside.clock.now())
    return await put(op, change, at)


async def ending(op: Operation, state: State, text: str) -> Outcome:
    """An end before its time: what stands, service by service."""
    progress = await op.standing()
    # A refusal speaks of the one service that it looked at; the lines below speak of all of them.
    text = text.removesuffix(f" {NOTHING_CHANGED}")
    if all(each.phase in (Phase.WAITING, Phase.UNTOUCHED) for each in progress):
        return Outcome(state=state, text=text, stands=(NOTHING_CHANGED,))
    made = await op.step("look once more", _made, op)
    changes = {change.target.service: change for change in op.plan.changes}
    lines: list[str] = []
    for each in progress:
        known = made.get(each.service, False)
        seen = replace(each, phase=Phase.ROLLING, desired=each.desired) if known else each
        lines += stands(changes[each.service], seen, certain=known is not None)
    return Outcome(state=state, text=text, stands=tuple(lines))


async def _made(op: Operation) -> dict[str, bool | None]:
    """Of the services that were about to be changed: whether the cluster took it. None where it does not say."""
    made: dict[str, bool | None] = {}
    for change in op.plan.changes:
        service = change.target.service
        if (await op.phase_of(service)) is Phase.CHANGING:
            try:
                made[service] = (await op.cluster(change.target.cluster).workload(change.target)).operation_id == op.id
            except (PermanentError, TemporaryError):
                made[service] = None
    return made
