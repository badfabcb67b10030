"""An operation: something that changes the platform. Its record, and the pure transitions of its life.

A transition takes the record as it stands and returns what becomes true: the new record, what its thread says and what the
audit log keeps. It raises ``Refused`` where a person asked for something that this moment does not allow.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.audit import AuditEntry, new_entry
from domain.errors import Refused
from domain.notes import OperationNote, Tone
from domain.operations.plans import Plan, Verb
from domain.people import Person, Role
from domain.sentences import Text, plain_text, sentence


class State(StrEnum):
    """Where an operation stands. The last seven are ends: nothing follows them."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DRIFTED = "drifted"
    NEEDS_PERSON = "needs_person"

    @property
    def final(self) -> bool:
        """Whether the operation has ended."""
        return self not in (State.WAITING, State.RUNNING)


class Decision(StrEnum):
    """What a second person said, or the clock in their place."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Phase(StrEnum):
    """How far one service of an operation is."""

    WAITING = "waiting"
    CHANGING = "changing"
    ROLLING = "rolling"
    VERIFIED = "verified"
    FAILED = "failed"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What is asked of a second person, bound to the plan's digest, and what was answered."""

    role: Role
    within: timedelta
    digest: str
    expires_at: datetime | None = None
    """Set when the card is delivered: a person cannot answer what was not shown."""
    decision: Decision | None = None
    decided_by: Person | None = None
    decided_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How one service stands."""

    service: str
    phase: Phase = Phase.WAITING
    updated: int = 0
    ready: int = 0
    desired: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Who asked to stop, and when."""

    by: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecord:
    """Everything that is known of an operation. ``epoch`` counts its owners: only the present one may write."""

    id: str
    source: str
    """The inbox key it came from; a replay of the same delivery finds this operation."""
    verb: Verb
    plan: Plan
    requested_by: Person
    requested_at: datetime
    channel: str
    reason: str = ""
    state: State
    approval: Approval | None = None
    progress: tuple[Progress, ...] = ()
    cancellation: Cancellation | None = None
    outcome: Text = ""
    end_state: tuple[Text, ...] = ()
    """What stands now, a sentence a line; the whole truth of an end that was not a success."""
    ended_at: datetime | None = None
    duration: timedelta | None = None
    """For ``scale``: after this long the replicas of before are put back."""
    overrides_lock: bool = False
    """Somebody with the role for it asked or approved, so that a person's lock does not stop it."""
    procedures_version: int = 1
    owner: str = ""
    epoch: int = 0

    @property
    def environment(self) -> str:
        """Where it happens."""
        return self.plan.environment

    def progress_of(self, service: str) -> Progress:
        """The progress of one service."""
        return next(each for each in self.progress if each.service == service)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What a transition makes true, all of it or none."""

    record: OperationRecord
    notes: tuple[OperationNote, ...] = ()
    audit_entries: tuple[AuditEntry, ...] = ()
    low_priority: bool = field(default=False)
    """Only counts moved: the card may be late by a few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a procedure ended, as the card and the thread tell it."""

    state: State
    text: Text
    end_state: tuple[Text, ...] = ()


def note(
    record: OperationRecord, key: str, at: datetime, text: Text, *, tone: Tone = Tone.PLAIN, lines: tuple[Text, ...] = ()
) -> OperationNote:
    """A reply in the operation's thread, said once under this key."""
    return OperationNote(operation_id=record.id, key=key, at=at, text=text, tone=tone, lines=lines)


def audit_entry(record: OperationRecord, event: str, at: datetime, who: Person, outcome: Text, why: str = "") -> AuditEntry:
    """An entry about this operation; ``event`` makes its key."""
    approver = record.approval.decided_by if record.approval else None
    return new_entry(
        key=f"{record.id}/{event}",
        at=at,
        who=who,
        what=record.verb.value,
        environment=record.environment,
        services=record.plan.services,
        why=why or record.reason,
        approval=f"{record.approval.decision} by {approver}" if record.approval and record.approval.decision and approver else "",
        outcome=plain_text(outcome),
        operation=record.id,
    )


def open_operation(record: OperationRecord) -> Transition:
    """The first change of all: it exists, its card says so, the audit log knows who asked."""
    request_text = f"asked to {_describe_plan(record.plan)}"
    waits = "; waits for an approval" if record.approval is not None else ""
    text = sentence(record.requested_by, f" {request_text}{f': {record.reason}' if record.reason else '.'}")
    return Transition(
        record=record,
        notes=(note(record, "asked", record.requested_at, text),),
        audit_entries=(audit_entry(record, "requested", record.requested_at, record.requested_by, request_text + waits),),
    )


def _describe_plan(plan: Plan) -> str:
    """The plan as one would say it: ``roll back deep-echo-main in production to main-abc1234``."""
    services, after = " and ".join(plan.services), plan.changes[0].after
    versions = " and ".join(dict.fromkeys(change.after.version for change in plan.changes))
    match plan.verb:
        case Verb.DEPLOY:
            return f"deploy {versions} to {plan.environment} ({services})"
        case Verb.ROLLBACK:
            return f"roll {services} back to {versions} in {plan.environment}"
        case Verb.RESTART:
            return f"restart {services} in {plan.environment}"
        case Verb.SCALE:
            return f"scale {services} in {plan.environment} to {after.replicas}"


def decide(record: OperationRecord, by: Person, decision: Decision, at: datetime, reason: str = "") -> Transition:
    """A second person approves or rejects. The first decision wins; ``approvals.decision_refusal`` says who may."""
    approval = require_pending_approval(record, at)
    decided = replace(approval, decision=decision, decided_by=by, decided_at=at, reason=reason)
    state = State.RUNNING if decision is Decision.APPROVED else State.REJECTED
    after = replace(record, approval=decided, state=state)
    if decision is Decision.APPROVED:
        text = sentence(by, " approved this.")
        return Transition(
            record=after,
            notes=(note(after, "decided", at, text, tone=Tone.GOOD),),
            audit_entries=(audit_entry(after, "decided", at, by, "approved"),),
        )
    outcome = sentence("Rejected by ", by, f": {reason}." if reason else ".")
    return end_operation(after, State.REJECTED, at, by, outcome, ("Nothing was changed.",))


def require_pending_approval(record: OperationRecord, at: datetime) -> Approval:
    """The approval that the operation waits for. Raises ``Refused`` where it waits for none."""
    approval = record.approval
    if approval is None:
        raise Refused(f"{record.id} needs no approval.")
    if approval.decision is not None:
        who = sentence(" by ", approval.decided_by) if approval.decided_by else ""
        raise Refused(sentence(f"{record.id} was already {approval.decision.value}", who, ". Your answer changes nothing."))
    if record.state.final:
        raise Refused(sentence(_already_ended(record), " Your answer changes nothing."))
    if approval.expires_at is not None and at >= approval.expires_at:
        raise Refused(f"{record.id} waited too long and expired. Nothing was changed; ask for it again.")
    return approval


def _already_ended(record: OperationRecord) -> Text:
    return sentence(f"{record.id} has already ended: ", record.outcome or record.state.value)


def start_approval_timer(record: OperationRecord, at: datetime) -> Transition | None:
    """The card has reached its channel: from now the approval's time runs. None where that changes nothing."""
    approval = record.approval
    if approval is None or approval.expires_at is not None or record.state is not State.WAITING:
        return None
    return Transition(record=replace(record, approval=replace(approval, expires_at=at + approval.within)))


def expire(record: OperationRecord, at: datetime) -> Transition | None:
    """Nobody answered in time. None where the operation no longer waits, or not yet long enough."""
    approval = record.approval
    if record.state is not State.WAITING or approval is None or approval.expires_at is None or at < approval.expires_at:
        return None
    after = replace(record, approval=replace(approval, decision=Decision.EXPIRED, decided_at=at))
    return end_operation(
        after,
        State.EXPIRED,
        at,
        record.requested_by,
        "Expired: nobody approved it in time.",
        ("Nothing was changed. Ask again if it is still wanted.",),
    )


def cancel(record: OperationRecord, by: Person, at: datetime) -> Transition:
    """Stop: at once while it waits, at the next safe point while it runs."""
    if record.state.final:
        raise Refused(_already_ended(record))
    if record.cancellation is not None:
        raise Refused(sentence(f"{record.id} is already being stopped, as ", record.cancellation.by, " asked."))
    after = replace(record, cancellation=Cancellation(by=by, at=at))
    if record.state is State.WAITING:
        return end_operation(after, State.CANCELLED, at, by, sentence("Cancelled by ", by, "."), ("Nothing was changed.",))
    text = sentence(by, " asked to stop. It stops at the next safe point.")
    return Transition(
        record=after,
        notes=(note(after, "cancel", at, text),),
        audit_entries=(audit_entry(after, "cancel", at, by, "stop asked for"),),
    )


def update_progress(
    record: OperationRecord, progress: Progress, *, low_priority: bool = False, notes: tuple[OperationNote, ...] = ()
) -> Transition:
    """One service moved on."""
    all_progress = tuple(progress if each.service == progress.service else each for each in record.progress)
    return Transition(record=replace(record, progress=all_progress), notes=notes, low_priority=low_priority)


def end_operation(
    record: OperationRecord, state: State, at: datetime, who: Person, outcome: Text, end_state: tuple[Text, ...] = ()
) -> Transition:
    """The end, of whatever kind: the card shows it, the thread says it, the audit log keeps it."""
    if record.state.final and record.state is not state:
        raise Refused(_already_ended(record))
    untouched = tuple(replace(each, phase=Phase.UNTOUCHED) if each.phase is Phase.WAITING else each for each in record.progress)
    progress = record.progress if state is State.SUCCEEDED else untouched
    after = replace(record, state=state, outcome=outcome, end_state=end_state, ended_at=at, progress=progress)
    tone = {State.SUCCEEDED: Tone.GOOD, State.FAILED: Tone.BAD, State.NEEDS_PERSON: Tone.BAD, State.DRIFTED: Tone.WARNING}.get(
        state, Tone.PLAIN
    )
    return Transition(
        record=after,
        notes=(note(after, "ended", at, outcome, tone=tone, lines=end_state),),
        audit_entries=(audit_entry(after, "ended", at, who, sentence(f"{state.value}: ", outcome)),),
    )
