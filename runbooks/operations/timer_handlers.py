"""Timer handlers of operations: expire approvals, revert temporary scales."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import PermanentError, Refused
from domain.leases.scales import REVERT_SCALE, taken_over_by
from domain.operations.operation import OperationRecord, Phase
from domain.operations.plans import Plan
from domain.operations.rights import catalogue_problem
from domain.operations.transitions import Transition, expire, note
from domain.people import BOT, Member
from runbooks.engine.engine import Engine
from runbooks.operations.context import ProcedureDependencies
from runbooks.operations.scale_leases import abandon_lease, end_lease, hand_over, standing_scales
from runbooks.operations.service import EXPIRE_APPROVAL, OperationService
from runbooks.timers import TimerHandler
from storage.timers import Timer


class _NoLongerOurs(Refused):
    """What a temporary scale has set is not there any more. ``replicas`` are there; None where the workload is another one."""

    def __init__(self, text: str, replicas: int | None = None) -> None:
        super().__init__(text)
        self.replicas = replicas


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationTimerHandlers:
    """Handlers by timer kind. A handler removes its timer in the transaction of its work, or after work that is idempotent."""

    engine: Engine
    dependencies: ProcedureDependencies
    operations: OperationService
    scale_plan: Callable[[str, str, int], Awaitable[Plan]]

    @property
    def handlers(self) -> Mapping[str, TimerHandler]:
        """Handlers by timer kind."""
        return {EXPIRE_APPROVAL: self._expire_approval, REVERT_SCALE: self._revert_scale}

    async def _expire_approval(self, timer: Timer, at: datetime) -> None:
        async with self.dependencies.store.write() as tx:
            record = await tx.operations.get_for_update(timer.subject)
            change = expire(_with_expiry(record, timer), at) if record is not None else None
            if change is not None:
                await tx.apply(change, at)
            await tx.timers.remove(timer.key, timer.due_at)
        self.dependencies.notify_outbox()
        await self.engine.wake(timer.subject)

    async def _revert_scale(self, timer: Timer, at: datetime) -> None:
        """Scale back to the previous number, unless somebody has changed the replicas since."""
        record = await self.operations.find(timer.subject)
        (change,) = record.plan.changes
        # The timer is set before the change is applied, so that it may exist without a change.
        if record.progress_of(change.target.service).phase in (Phase.WAITING, Phase.CHANGING, Phase.UNTOUCHED):
            await self._finish_timer(timer)
            return
        try:
            await self._start_revert(record, timer, at)
        except _NoLongerOurs as refusal:
            await self._end_not_reverted(record, at, timer, refusal)
            return
        except (Refused, PermanentError) as refusal:
            await self._note_not_reverted(record, at, timer, str(refusal), is_left=True)
            return
        await self._finish_timer(timer)

    async def _start_revert(self, record: OperationRecord, timer: Timer, at: datetime) -> None:
        (change,) = record.plan.changes
        target = change.target
        if problem := catalogue_problem(record, self.operations.catalogue()):
            raise Refused(f"{problem} {target.service} was left alone.")
        workload = await self.dependencies.clusters[target.cluster].workload(target)
        if workload.uid != change.uid:
            raise _NoLongerOurs(f"{target.recreated_text} It was left alone.")
        running = workload.replicas
        if running != change.after.replicas:
            raise _NoLongerOurs(f"{target.service} has {running} replicas by now, so it was left alone.", running)
        async with self.dependencies.store.read() as tx:
            standing = await standing_scales(tx, record)
        own = next((each for each in standing if each.key == record.id), None)
        if own is not None and (later := taken_over_by(own, standing, running, at)) is not None:
            raise _NoLongerOurs(f"{later.key} has set {running} replicas since, so {target.service} was left alone.", running)
        # The lease knows the number from before an earlier scale whose time was over in the middle of this one.
        previous = own.scaled.previous_replicas if own is not None and own.scaled else change.before.replicas
        plan = await self.scale_plan(target.environment, target.service, previous)
        reason = f"the time of {record.id} is over"
        by = Member(person=BOT, name="deepecho")
        # With the timer's key as source a repeated run starts no second operation.
        await self.operations.start(plan, source=timer.key, by=by, channel=record.channel, reason=reason, approved=True)

    async def _finish_timer(self, timer: Timer) -> None:
        async with self.dependencies.store.write() as tx:
            await tx.timers.remove(timer.key, timer.due_at)

    async def _end_not_reverted(self, record: OperationRecord, at: datetime, timer: Timer, refusal: _NoLongerOurs) -> None:
        """Leave the number to who has set it: a temporary scale of ours that lasts longer goes back for both."""
        is_handed_over = False
        if refusal.replicas is not None:
            async with self.dependencies.store.write() as tx:
                is_handed_over = await hand_over(tx, record, refusal.replicas, at)
                if is_handed_over:
                    await tx.timers.remove(timer.key, timer.due_at)
        if is_handed_over:
            self.dependencies.notify_outbox()
        else:
            await self._note_not_reverted(record, at, timer, str(refusal), is_left=False)

    async def _note_not_reverted(self, record: OperationRecord, at: datetime, timer: Timer, why: str, *, is_left: bool) -> None:
        """``is_left``: what was set is still there, and nothing puts it back."""
        async with self.dependencies.store.write() as tx:
            current = await tx.operations.get_for_update(record.id) or record
            thread_note = note(current, "scale-not-reverted", at, f"The time of this scale is over. {why}")
            await tx.apply(Transition(record=current, notes=(thread_note,)), at)
            await tx.timers.remove(timer.key)
            if is_left:
                await abandon_lease(tx, record.environment, record.id, why)
            else:
                await end_lease(tx, record)
        self.dependencies.notify_outbox()


def _with_expiry(record: OperationRecord, timer: Timer) -> OperationRecord:
    """The expiry that counts is the timer's: an undelivered card has none, and the clock may have been set back since."""
    approval = record.approval
    if approval is None or (approval.expires_at is not None and approval.expires_at <= timer.due_at):
        return record
    return replace(record, approval=replace(approval, expires_at=timer.due_at))
