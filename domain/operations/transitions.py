"""The transitions of an operation: pure functions from a record to the next one.

A transition returns what has to be written together: the new record, the replies in its thread, the audit entries. It raises
``Refused`` if a person asks for something that the operation's state does not allow.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.audit import AuditEntry, new_entry
from domain.errors import Refused
from domain.notes import OperationNote, Tone
from domain.operations.operation import Approval, Cancellation, Decision, OperationRecord, Phase, Progress, State
from domain.operations.plans import Plan, Verb
from domain.people import BOT, Person
from domain.rich_text import Text, plain_text, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """The result of a transition, which is written as a whole or not at all."""

    record: OperationRecord
    notes: tuple[OperationNote, ...] = ()
    audit_entries: tuple[AuditEntry, ...] = ()
    low_priority: bool = field(default=False)
    """Only numbers changed: the card's edit may wait for a few seconds."""


def note(
    record: OperationRecord, key: str, at: datetime, text: Text, *, tone: Tone = Tone.PLAIN, lines: tuple[Text, ...] = ()
) -> OperationNote:
    """A reply in the operation's thread. A second one with the same key is not sent."""
    return OperationNote(operation_id=record.id, key=key, at=at, text=text, tone=tone, lines=lines)


def audit_entry(record: OperationRecord, event: str, at: datetime, who: Person, outcome: Text, why: str = "") -> AuditEntry:
    """An audit entry about this operation. Its key is the operation's id and ``event``."""
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
    """The first transition: the record, the request in its thread, and the audit entry of who asked."""
    request_text = f"asked to {describe_plan(record.plan)}"
    waits = "; waits for an approval" if record.approval is not None else ""
    text = sentence(record.requested_by, f" {request_text}{f': {record.reason}' if record.reason else '.'}")
    return Transition(
        record=record,
        notes=(note(record, "asked", record.requested_at, text),),
        audit_entries=(audit_entry(record, "requested", record.requested_at, record.requested_by, request_text + waits),),
    )


def describe_plan(plan: Plan) -> str:
    """The plan in words: ``roll deep-echo-main back to main-abc1234 in production``."""
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
    """Approve or reject. The first decision counts; ``approvals.decision_refusal`` checks who may decide."""
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
    """The approval that the operation waits for. Raises ``Refused`` if it does not wait for one."""
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
    """Start the time of an approval, because the card was delivered. None if nothing changes."""
    approval = record.approval
    if approval is None or approval.expires_at is not None or record.state is not State.WAITING:
        return None
    return Transition(record=replace(record, approval=replace(approval, expires_at=at + approval.within)))


def expire(record: OperationRecord, at: datetime) -> Transition | None:
    """End an operation that nobody approved in time. None if it no longer waits, or if its time is not over."""
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


def abandon(record: OperationRecord, problem: str, at: datetime) -> Transition:
    """End an operation that waits and that nobody can do any more. ``problem`` is a sentence."""
    return end_operation(
        record,
        State.DRIFTED,
        at,
        BOT,
        problem,
        ("Nothing was changed. Ask again, as the catalogue says it now, if it is wanted.",),
    )


def cancel(record: OperationRecord, by: Person, at: datetime) -> Transition:
    """Cancel: at once while it waits, at the next safe point while it runs."""
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
    """Replace the progress of one service."""
    all_progress = tuple(progress if each.service == progress.service else each for each in record.progress)
    return Transition(record=replace(record, progress=all_progress), notes=notes, low_priority=low_priority)


def end_operation(
    record: OperationRecord,
    state: State,
    at: datetime,
    who: Person,
    outcome: Text,
    end_state: tuple[Text, ...] = (),
    *,
    unknown: Collection[str] = (),
) -> Transition:
    """End the operation: card, thread and audit log report the outcome.

    ``unknown`` are the services of which it is not known whether they were changed.
    """
    # After a crash the last step may run again: the keys of its note and of its audit entry make the repetition harmless.
    if record.state.final and record.state is not state:
        raise Refused(_already_ended(record))
    ended = tuple(_ended_progress(each, is_unknown=each.service in unknown) for each in record.progress)
    progress = record.progress if state is State.SUCCEEDED else ended
    after = replace(record, state=state, outcome=outcome, end_state=end_state, ended_at=at, progress=progress)
    tone = {State.SUCCEEDED: Tone.GOOD, State.FAILED: Tone.BAD, State.NEEDS_PERSON: Tone.BAD, State.DRIFTED: Tone.WARNING}.get(
        state, Tone.PLAIN
    )
    return Transition(
        record=after,
        notes=(note(after, "ended", at, outcome, tone=tone, lines=end_state),),
        audit_entries=(audit_entry(after, "ended", at, who, sentence(f"{state.value}: ", outcome)),),
    )


def _ended_progress(progress: Progress, *, is_unknown: bool) -> Progress:
    """The progress of a service that nothing happens to any more."""
    if progress.phase is Phase.CHANGING:
        return replace(progress, phase=Phase.UNKNOWN if is_unknown else Phase.UNTOUCHED, detail="")
    return replace(progress, phase=Phase.UNTOUCHED) if progress.phase is Phase.WAITING else progress
