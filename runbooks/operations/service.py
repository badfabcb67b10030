"""The operations as the rest of the house sees them: start one, decide on one, stop one, find one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.audit import AuditEntry
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import Denied, NotFound, Refused
from domain.ids import candidates
from domain.operations.operation import (
    Approval,
    Change,
    Decision,
    OperationRecord,
    Progress,
    State,
    cancel,
    decide,
    delivered,
    requested,
)
from domain.operations.plans import Plan
from domain.people import Member, Role
from domain.policies import Action
from runbooks.engine.engine import Engine
from storage.outbox import OutboxRow
from storage.outbox_messages import OPERATION_CARD
from storage.store import Store, Transaction
from storage.timers import Timer

EXPIRE = "expire"
"""The kind of the timer that ends an approval nobody gave."""
UNDELIVERED = timedelta(hours=1)
"""An approval whose card never reached anybody ends this long after it would have."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who wants what of which operation. ``source`` is the inbox key; empty where it came from nowhere else."""

    operation: str
    by: Member
    what: str
    source: str


@dataclass(frozen=True, slots=True)
class Operations:
    """Operations: begun by people, carried by the engine, kept in the store."""

    engine: Engine
    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    nudge: Callable[[], None]
    """Tells the delivery that the outbox has something new."""

    async def start(
        self,
        plan: Plan,
        *,
        source: str,
        by: Member,
        channel: str,
        reason: str = "",
        lasts: timedelta | None = None,
        approved: bool = False,
    ) -> OperationRecord:
        """Write the operation down with its card and its audit record, then start its workflow.

        Its id derives from ``source`` (the inbox key): a second start of the same one answers with the first record.
        ``approved`` where an earlier decision already covers it.
        """
        at = self.clock.now()
        rule = self.catalogue().environments[plan.environment].rule(plan.action)
        asked = None
        if rule.approval is not None and not approved:
            within = self.catalogue().environments[plan.environment].approval_within
            asked = Approval(role=rule.approval, within=within, digest=plan.digest())
        async with self.store.write() as tx:
            if (known := await tx.operations.from_source(source)) is not None:
                return known
            record = OperationRecord(
                id=await self._new_id(tx, source),
                source=source,
                verb=plan.verb,
                plan=plan,
                requested_by=by.person,
                requested_at=at,
                channel=channel,
                reason=reason,
                state=State.RUNNING if asked is None else State.WAITING,
                approval=asked,
                progress=tuple(Progress(service=service) for service in plan.services),
                lasts=lasts,
                passes_lock=self._passes_lock(by, plan),
                procedures=self.engine.procedures,
                owner=self.engine.replica,
                epoch=1,
            )
            await tx.apply(requested(record), at, new=True)
            await tx.inbox.answered(source, at, record.id)
            if asked is not None:
                await tx.timers.set(Timer(f"{EXPIRE}/{record.id}", EXPIRE, record.id, at + asked.within + UNDELIVERED))
        self.nudge()
        await self.engine.begin(record.id)
        return record

    async def decide(
        self, operation_id: str, by: Member, decision: Decision, why: str = "", *, source: str = ""
    ) -> OperationRecord:
        """Approve or reject. The first decision wins, in the database; every refusal is said and audited.

        ``source`` is the inbox key of the click or command: it counts as answered with the decision, so that a crash between
        the two does not replay it.
        """
        asked = _Asked(operation_id, by, decision.value, source)
        return await self._move(asked, lambda record, at: self._decided(record, by, decision, at, why))

    async def cancel(self, operation_id: str, by: Member, *, source: str = "") -> OperationRecord:
        """Stop an operation: at once while it waits, at the next safe point while it runs. ``source`` as in ``decide``."""
        asked = _Asked(operation_id, by, "cancel", source)
        return await self._move(asked, lambda record, at: self._cancelled(record, by, at))

    async def find(self, operation_id: str) -> OperationRecord:
        """The operation. Raises ``NotFound`` with a sentence."""
        async with self.store.read() as tx:
            record = await tx.operations.get(operation_id)
        return record or _not_there(operation_id)

    async def recent(
        self, *, environment: str | None = None, running: bool = False, limit: int = 20
    ) -> tuple[OperationRecord, ...]:
        """The newest operations first; ``running`` leaves out those that have ended."""
        async with self.store.read() as tx:
            return await tx.operations.recent(environment=environment, unfinished=running, limit=limit)

    async def on_delivered(self, tx: Transaction, row: OutboxRow, at: datetime) -> None:
        """Within the transaction that marks a message delivered: an approval's time runs from when its card was there."""
        if row.kind != OPERATION_CARD.name:
            return
        record = await tx.operations.locked(row.stream)
        change = delivered(record, at) if record is not None else None
        if change is None or change.record.approval is None or change.record.approval.expires_at is None:
            return
        await tx.apply(change, at)
        await tx.timers.set(Timer(f"{EXPIRE}/{row.stream}", EXPIRE, row.stream, change.record.approval.expires_at))

    async def _move(self, asked: _Asked, make: Callable[[OperationRecord, datetime], Change]) -> OperationRecord:
        at = self.clock.now()
        try:
            async with self.store.write() as tx:
                record = await tx.operations.locked(asked.operation)
                change = make(record or _not_there(asked.operation), at)
                await tx.apply(change, at)
                await tx.timers.done(f"{EXPIRE}/{asked.operation}")
                await tx.inbox.answered(asked.source, at, asked.operation)
        except Refused as refusal:
            await self._audit_refusal(asked, at, str(refusal))
            raise
        self.nudge()
        await self.engine.wake(asked.operation)
        return change.record

    def _decided(self, record: OperationRecord, by: Member, decision: Decision, at: datetime, why: str) -> Change:
        role = record.approval.role if record.approval else Role.APPROVER
        if by.person.user_id != record.requested_by.user_id:
            self._require(by, role, record, "decide on")
        change = decide(record, by.person, decision, at, why)
        if self._passes_lock(by, record.plan):
            return replace(change, record=replace(change.record, passes_lock=True))
        return change

    def _cancelled(self, record: OperationRecord, by: Member, at: datetime) -> Change:
        if by.person != record.requested_by:
            self._require(by, self.catalogue().environments[record.environment].rule(record.plan.action).needs, record, "cancel")
        return cancel(record, by.person, at)

    def _require(self, by: Member, role: Role, record: OperationRecord, what: str) -> None:
        if by.guest or by.stranger or by.person.team_id not in self.catalogue().workspaces:
            raise Denied(f"Guests and people of other workspaces cannot {what} operations. Nothing was changed.")
        if not self.catalogue().may(by, role, record.environment):
            needed = f"the role {role.value} in {record.environment}, which you do not hold"
            raise Denied(f"To {what} {record.id} takes {needed}. Nothing was changed.")

    def _passes_lock(self, by: Member, plan: Plan) -> bool:
        rule = self.catalogue().environments[plan.environment].rule(Action.PASS_LOCK)
        return self.catalogue().may(by, rule.needs, plan.environment)

    async def _audit_refusal(self, asked: _Asked, at: datetime, why: str) -> None:
        event = asked.source or at.isoformat(timespec="microseconds")
        async with self.store.write() as tx:
            record = await tx.operations.get(asked.operation)
            await tx.audit.append(
                AuditEntry(
                    key=f"{asked.operation}/refused/{asked.by.person}/{event}",
                    at=at,
                    who=asked.by.person,
                    what=asked.what,
                    where=f"{record.environment}/{','.join(record.plan.services)}" if record else "",
                    outcome=f"refused: {why}",
                    operation=asked.operation if record else "",
                )
            )

    async def _new_id(self, tx: Transaction, source: str) -> str:
        """The shortest id that this source gives and nothing else has."""
        ids = candidates("op", source)
        taken = await tx.operations.known_ids(ids)
        return next(each for each in ids if each not in taken)


def _not_there(operation_id: str) -> OperationRecord:
    raise NotFound(f"There is no operation {operation_id}. `/deepecho operations` lists them.")
