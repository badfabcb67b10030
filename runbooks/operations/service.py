"""Operations, as commands and buttons use them: start, decide, cancel, find."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from domain.audit import new_entry
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import NotFound, Refused, TemporaryError
from domain.ids import id_candidates
from domain.operations.approvals import cancel_refusal, decision_refusal
from domain.operations.operation import Approval, Decision, OperationRecord, Progress, State
from domain.operations.plans import Plan
from domain.operations.rights import catalogue_problem, requester_refusal, require_in_catalogue
from domain.operations.transitions import Transition, abandon, cancel, decide, open_operation, start_approval_timer
from domain.people import BOT, Member, Role
from domain.policies import Action
from domain.rich_text import CommandMention, sentence
from runbooks.engine.engine import Engine
from runbooks.operations.lock_release import LockRelease
from runbooks.operations.rights import RightsCheck
from runbooks.people import look_briefly, member_briefly
from storage.outbox import OutboxRow
from storage.outbox_messages import OPERATION_CARD
from storage.store import Store, Transaction
from storage.timers import Timer

log = structlog.get_logger()

EXPIRE_APPROVAL = "approval-expire"
"""The kind of the timer that ends an approval which was not given in time."""
UNDELIVERED_TIMEOUT = timedelta(hours=1)
"""Extra time before an approval expires whose card was never delivered: its own time starts with the delivery."""


Precondition = Callable[[Transaction, datetime], Awaitable[None]]
"""Raises ``Refused`` where an operation is not to be started after all."""


async def _no_precondition(_tx: Transaction, _at: datetime) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _DecisionRequest:
    """A request to decide on an operation or cancel it. ``source`` is the inbox key; empty if there is none."""

    operation: str
    by: Member
    what: str
    source: str


class _People(NamedTuple):
    """Who decides on an operation, and who asked for it; None if that is not known."""

    by: Member
    requester: Member | None


@dataclass(frozen=True, slots=True)
class OperationService:
    """Starts operations and applies people's decisions to them."""

    engine: Engine
    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    rights: RightsCheck
    notify_outbox: Callable[[], None]
    """Wakes the outbox worker."""
    lock_release: LockRelease = field(default_factory=LockRelease)
    """Wakes an operation that waits for a lock and is to stop."""

    async def start(
        self,
        plan: Plan,
        *,
        source: str,
        by: Member,
        channel: str,
        reason: str = "",
        duration: timedelta | None = None,
        approved: bool = False,
        overrides_freeze: str = "",
        precondition: Precondition = _no_precondition,
    ) -> OperationRecord:
        """Store the operation with its card and audit record in one transaction, then start its workflow.

        Starting is idempotent by ``source`` (the inbox key): a second call returns the first record.
        ``approved``: an earlier decision covers it, so that it needs no approval. ``overrides_freeze``: the maintenance window
        whose freeze it passes; a second person decides on that, whatever the environment asks for. ``precondition`` may still
        refuse it, in the transaction that stores it.
        """
        at = self.clock.now()
        approval = None if approved else self._required_approval(plan, Role.APPROVER if overrides_freeze else None)
        async with self.store.write() as tx:
            if (existing := await tx.operations.get_by_source(source)) is not None:
                return existing
            await precondition(tx, at)
            record = OperationRecord(
                id=await self._new_id(tx, source),
                source=source,
                verb=plan.verb,
                plan=plan,
                requested_by=by.person,
                requested_at=at,
                channel=channel,
                reason=reason,
                state=State.RUNNING if approval is None else State.WAITING,
                approval=approval,
                progress=tuple(Progress(service=service) for service in plan.services),
                duration=duration,
                overrides_lock=self._overrides_lock(by, plan),
                overrides_freeze=overrides_freeze,
                procedures_version=self.engine.procedures_version,
                owner=self.engine.replica,
                epoch=1,
            )
            self._require_allowed(record, by)
            await tx.apply(open_operation(record), at, new=True)
            await tx.inbox.mark_answered(source, at, record.id)
            if approval is not None:
                await tx.timers.set(_expiry_timer(record.id, at + approval.within + UNDELIVERED_TIMEOUT), at)
        self.notify_outbox()
        # After the commit: if the process dies in between, Recovery finds the row without a workflow and starts it.
        await self.engine.start(record.id)
        return record

    async def decide(
        self, operation_id: str, by: Member, decision: Decision, why: str = "", *, source: str = ""
    ) -> OperationRecord:
        """Approve or reject. The first decision wins, by a row lock; refusals are audited and raised.

        For an approval Slack is asked anew who approves and who asked: ``TemporaryError`` if it does not answer. What nobody can
        do any more, because the catalogue has changed, is ended instead: the record that is returned says so.

        ``source`` is the inbox key of the click or command. It is marked answered in the same transaction, so that a crash
        after the decision does not replay it.
        """
        request = _DecisionRequest(operation_id, by, decision.value, source)
        people = await self._people(operation_id, by, fresh=decision is Decision.APPROVED)
        decided = await self._transition(request, lambda record, at: self._decide(record, people, decision, at, why))
        log.debug("operation decided", operation=operation_id, decision=decision.value, by=by.person.user_id)
        return decided

    async def cancel(self, operation_id: str, by: Member, *, source: str = "") -> OperationRecord:
        """Cancel an operation: at once while it waits, at the next safe point while it runs. ``source`` is as in ``decide``."""
        request = _DecisionRequest(operation_id, by, "cancel", source)
        people = await self._people(operation_id, by, fresh=False)
        cancelled = await self._transition(request, lambda record, at: self._cancel(record, people, at))
        log.debug("operation cancellation requested", operation=operation_id, by=by.person.user_id)
        return cancelled

    async def find(self, operation_id: str) -> OperationRecord:
        """Read an operation. Raises ``NotFound``."""
        async with self.store.read() as tx:
            record = await tx.operations.get(operation_id)
        return record or _raise_not_found(operation_id)

    async def recent(
        self, *, environment: str | None = None, unfinished: bool = False, limit: int = 20
    ) -> tuple[OperationRecord, ...]:
        """List operations, newest first. ``unfinished`` leaves out those that have ended."""
        async with self.store.read() as tx:
            return await tx.operations.recent(environment=environment, unfinished=unfinished, limit=limit)

    async def on_delivered(self, tx: Transaction, row: OutboxRow, at: datetime) -> None:
        """Start the time of an approval once its card is delivered. Runs in the transaction that marks the message delivered."""
        if row.kind != OPERATION_CARD.name:
            return
        record = await tx.operations.get_for_update(row.stream)
        transition = start_approval_timer(record, at) if record is not None else None
        if transition is None or transition.record.approval is None or transition.record.approval.expires_at is None:
            return
        await tx.apply(transition, at)
        await tx.timers.set(_expiry_timer(row.stream, transition.record.approval.expires_at), at)

    def _required_approval(self, plan: Plan, at_least: Role | None) -> Approval | None:
        environment = self.catalogue().environments.get(plan.environment)
        if environment is None:  # a reload while this was planned
            raise Refused(f"{plan.environment} is no longer in the catalogue. Nothing was changed.")
        role = environment.rule(plan.action).approver_role or at_least
        return None if role is None else Approval(role=role, within=environment.approval_within, digest=plan.digest())

    async def _transition(
        self, request: _DecisionRequest, make_transition: Callable[[OperationRecord, datetime], Transition]
    ) -> OperationRecord:
        at = self.clock.now()
        try:
            async with self.store.write() as tx:
                record = await tx.operations.get_for_update(request.operation)
                transition = make_transition(record or _raise_not_found(request.operation), at)
                await tx.apply(transition, at)
                await tx.timers.remove(f"{EXPIRE_APPROVAL}/{request.operation}")
                await tx.inbox.mark_answered(request.source, at, request.operation)
        except Refused as refusal:
            await self._audit_refusal(request, at, str(refusal))
            raise
        self.notify_outbox()
        if transition.record.cancellation is not None:
            self.lock_release.notify()
        await self.engine.wake(request.operation)
        return transition.record

    def _require_allowed(self, record: OperationRecord, by: Member) -> None:
        """Raise ``Refused`` if a reload, while this was planned, has taken away the place or the role."""
        require_in_catalogue(record, self.catalogue())
        if by.person != BOT and (refusal := requester_refusal(record, by, self.catalogue())) is not None:
            raise refusal

    async def _people(self, operation_id: str, by: Member, *, fresh: bool) -> _People:
        """Who decides and who asked, as Slack has them now. What changes nothing, such as Stop, waits a second for that."""
        record = await self.find(operation_id)
        requested_by, directory = record.requested_by, self.rights.directory
        if fresh and record.state is State.WAITING:
            try:
                decider, requester = await asyncio.gather(directory.fresh_member(by.person), self.rights.requester(record))
            except TemporaryError as error:
                what = f"Slack could not be asked who decides on {operation_id}, so nothing was changed. "
                raise TemporaryError(sentence(what, error.sentence), error.retry_after) from error
            return _People(decider, requester)
        if requested_by in (BOT, by.person):
            return _People(await look_briefly(directory, by), None)
        return _People(*await asyncio.gather(look_briefly(directory, by), member_briefly(directory, requested_by)))

    def _decide(self, record: OperationRecord, people: _People, decision: Decision, at: datetime, why: str) -> Transition:
        by, catalogue = people.by, self.catalogue()
        problem = catalogue_problem(record, catalogue)
        # Another replica may have read the catalogue before this one, so only the operation's own replica ends it.
        if problem and record.state is State.WAITING and record.owner == self.engine.replica and not (by.guest or by.stranger):
            return abandon(record, problem, at)
        if (refusal := decision_refusal(record, by, decision, catalogue, at, people.requester)) is not None:
            raise refusal
        if problem and decision is Decision.APPROVED:
            raise Refused(f"{problem} Nothing was changed. {record.id} ends by itself.")
        transition = decide(record, by.person, decision, at, why)
        if self._overrides_lock(by, record.plan):
            return replace(transition, record=replace(transition.record, overrides_lock=True))
        return transition

    def _cancel(self, record: OperationRecord, people: _People, at: datetime) -> Transition:
        if (refusal := cancel_refusal(record, people.by, self.catalogue(), people.requester)) is not None:
            raise refusal
        return cancel(record, people.by.person, at)

    def _overrides_lock(self, by: Member, plan: Plan) -> bool:
        environment = self.catalogue().environments.get(plan.environment)
        needed = environment.rule(Action.OVERRIDE_LOCK).needs if environment else None
        return needed is not None and self.catalogue().has_role(by, needed, plan.environment)

    async def _audit_refusal(self, request: _DecisionRequest, at: datetime, why: str) -> None:
        event = request.source or at.isoformat(timespec="microseconds")
        async with self.store.write() as tx:
            record = await tx.operations.get(request.operation)
            await tx.audit.append(
                new_entry(
                    key=f"{request.operation}/refused/{request.by.person}/{event}",
                    at=at,
                    who=request.by.person,
                    what=request.what,
                    environment=record.environment if record else "",
                    services=record.plan.services if record else (),
                    outcome=f"refused: {why}",
                    operation=request.operation if record else "",
                )
            )

    async def _new_id(self, tx: Transaction, source: str) -> str:
        """The shortest unused id derived from ``source``."""
        ids = id_candidates("op", source)
        used = await tx.operations.known_ids(ids)
        return next(candidate for candidate in ids if candidate not in used)


def _expiry_timer(operation_id: str, at: datetime) -> Timer:
    return Timer(f"{EXPIRE_APPROVAL}/{operation_id}", EXPIRE_APPROVAL, operation_id, at)


def _raise_not_found(operation_id: str) -> OperationRecord:
    raise NotFound(sentence(f"There is no operation {operation_id}. ", CommandMention("operations"), " lists them."))
