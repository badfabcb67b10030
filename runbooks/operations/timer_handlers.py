"""What timers of operations do: end an approval that nobody gave, put back the replicas of a temporary scale."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import PermanentError, Refused
from domain.operations.operation import Change, OperationRecord, Phase, expire, note
from domain.operations.plans import Plan
from domain.people import BOT, Member
from runbooks.engine.engine import Engine
from runbooks.operations.context import Outside
from runbooks.operations.scale import UNSCALE
from runbooks.operations.service import EXPIRE, Operations
from runbooks.timers import Handler
from storage.timers import Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationTimerHandlers:
    """Handlers for the operations' timers. Each does its work and ends its timer in one transaction."""

    engine: Engine
    outside: Outside
    operations: Operations
    scale_plan: Callable[[str, str, int], Awaitable[Plan]]

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """By the kind of the timer."""
        return {EXPIRE: self._expire, UNSCALE: self._unscale}

    async def _expire(self, timer: Timer, at: datetime) -> None:
        async with self.outside.store.write() as tx:
            record = await tx.operations.locked(timer.subject)
            change = expire(_overdue(record, timer), at) if record is not None else None
            if change is not None:
                await tx.apply(change, at)
            await tx.timers.done(timer.key, timer.due_at)
        self.outside.nudge()
        await self.engine.wake(timer.subject)

    async def _unscale(self, timer: Timer, at: datetime) -> None:
        """The time of a temporary scale is over: the same number as before, unless somebody has moved it since."""
        record = await self.operations.find(timer.subject)
        (change,) = record.plan.changes
        if record.of(change.target.service).phase in (Phase.WAITING, Phase.CHANGING, Phase.UNTOUCHED):
            await self._done(timer)
            return
        try:
            await self._put_back(record, timer)
        except (Refused, PermanentError) as refusal:
            await self._tell(record, at, timer, str(refusal))
            return
        await self._done(timer)

    async def _put_back(self, record: OperationRecord, timer: Timer) -> None:
        (change,) = record.plan.changes
        target, back = change.target, change.before.replicas
        if target.cluster not in self.outside.clusters or target.environment not in self.operations.catalogue().environments:
            raise Refused(f"{target.environment} is no longer in the catalogue, so {target.service} was left alone.")
        running = (await self.outside.clusters[target.cluster].workload(target)).replicas
        if running != change.after.replicas:
            raise Refused(f"{target.service} has {running} replicas by now, so it was left alone.")
        plan = await self.scale_plan(target.environment, target.service, back)
        reason = f"the time of {record.id} is over"
        by = Member(person=BOT, name="deepecho")
        await self.operations.start(plan, source=timer.key, by=by, channel=record.channel, reason=reason, approved=True)

    async def _done(self, timer: Timer) -> None:
        async with self.outside.store.write() as tx:
            await tx.timers.done(timer.key, timer.due_at)

    async def _tell(self, record: OperationRecord, at: datetime, timer: Timer, why: str) -> None:
        async with self.outside.store.write() as tx:
            present = await tx.operations.locked(record.id) or record
            said = note(present, "time-over", at, f"The time of this scale is over. {why}")
            await tx.apply(Change(record=present, notes=(said,)), at)
            await tx.timers.done(timer.key)
        self.outside.nudge()


def _overdue(record: OperationRecord, timer: Timer) -> OperationRecord:
    """A card that reached nobody never began the approval's time: then this timer's own is its end."""
    approval = record.approval
    if approval is None or approval.expires_at is not None:
        return record
    return replace(record, approval=replace(approval, expires_at=timer.due_at))
