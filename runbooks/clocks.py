"""What is due: approvals that ran out, replicas that go back. Rows with a time; the scheduler only wakes this up."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from domain.errors import DeepechoError, PermanentError, Refused
from domain.operations import Change, OperationRecord, Phase, expire, note
from domain.people import BOT, Member
from domain.plans import Plan
from runbooks.alert_intake import ITS_OWN_FAULT
from runbooks.engine import Engine
from runbooks.operation import Outside
from runbooks.operations import EXPIRE, Operations
from runbooks.scale import UNSCALE
from storage.timers import Timer

log = structlog.get_logger()

Handler = Callable[[Timer, datetime], Awaitable[None]]
"""Does what a timer rings for, and says in the end that it is done. What it raises puts it off by a minute."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Does what is due, once on any number of replicas, late rather than never. ``others`` are handlers by timer kind."""

    engine: Engine
    outside: Outside
    operations: Operations
    scale_plan: Callable[[str, str, int], Awaitable[Plan]]
    others: Mapping[str, Handler] = field(default_factory=dict)

    async def run_due(self) -> None:
        """Do everything whose time has come."""
        at = self.outside.clock.now()
        async with self.outside.store.read() as tx:
            due = await tx.timers.due(at)
        handlers: Mapping[str, Handler] = {EXPIRE: self._expire, UNSCALE: self._unscale, **self.others}
        for timer in due:
            async with self.outside.store.write() as tx:
                mine = await tx.timers.take(timer, self.engine.replica, at)
            if mine:
                await self._do(handlers.get(timer.kind, _unknown), timer, at)

    async def _do(self, handler: Handler, timer: Timer, at: datetime) -> None:
        # The row stays and is taken again in a minute; the other timers must not wait for it.
        try:
            await handler(timer, at)
        except DeepechoError as error:
            log.warning("a timer is put off", timer=timer.key, error=str(error))
        except ITS_OWN_FAULT:
            log.exception("a timer is put off", timer=timer.key)

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


async def _unknown(timer: Timer, _at: datetime) -> None:
    raise Refused(f"This version of deepecho does not know timers of the kind {timer.kind}; another one does.")


def _overdue(record: OperationRecord, timer: Timer) -> OperationRecord:
    """A card that reached nobody never began the approval's time: then this timer's own is its end."""
    approval = record.approval
    if approval is None or approval.expires_at is not None:
        return record
    return replace(record, approval=replace(approval, expires_at=timer.due_at))
