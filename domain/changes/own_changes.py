"""Changes that the bot recorded itself: its operations, and locks that people set for maintenance. Pure."""

from collections.abc import Iterable, Sequence

from domain.audit import AuditEntry
from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.operations.locks import LockRecord
from domain.operations.operation import OperationRecord, Phase, Progress, State
from domain.operations.plans import Plan, Verb
from domain.people import BOT

_CHANGE_KINDS = {
    Verb.DEPLOY: ChangeKind.DEPLOY,
    Verb.ROLLBACK: ChangeKind.ROLLBACK,
    Verb.RESTART: ChangeKind.RESTART,
    Verb.SCALE: ChangeKind.SCALE,
}
_OUTCOMES = {
    State.CANCELLED: "a person cancelled it",
    State.FAILED: "it failed",
    State.DRIFTED: "it stopped halfway",
    State.NEEDS_PERSON: "it stopped halfway",
}
_CHANGED_PHASES = (Phase.ROLLING, Phase.VERIFIED, Phase.FAILED)


def changed_services(record: OperationRecord) -> tuple[Progress, ...]:
    """The services that an operation has changed, or is changing now."""
    # In an operation that has ended, CHANGING means that no change was recorded. If it was made, ``external_changes`` finds it.
    now = (Phase.CHANGING,) if record.state is State.RUNNING else ()
    return tuple(each for each in record.progress if each.phase in (*_CHANGED_PHASES, *now))


def change_from_operation(record: OperationRecord) -> PlatformChange | None:
    """The change that an operation made, however it ended; None if it changed nothing."""
    changed = changed_services(record)
    if not changed:
        return None
    services = tuple(each.service for each in changed)
    versions = {change.target.service: change.before.name for change in record.plan.changes}
    restorable = record.verb in (Verb.DEPLOY, Verb.ROLLBACK)
    return PlatformChange(
        kind=_CHANGE_KINDS[record.verb],
        environment=record.environment,
        services=services,
        at=min(each.started_at or record.requested_at for each in changed),
        ended_at=record.ended_at,
        running=record.state is State.RUNNING,
        description=_describe_change(record.plan, services),
        by=record.requested_by,
        operation_id=record.id,
        previous_versions={service: versions[service] for service in services} if restorable else {},
        outcome=_OUTCOMES.get(record.state, ""),
    )


def _describe_change(plan: Plan, services: Sequence[str]) -> str:
    changes = [change for change in plan.changes if change.target.service in services]
    versions = " and ".join(dict.fromkeys(change.after.label for change in changes))
    match plan.verb:
        case Verb.DEPLOY:
            return f"deploy {versions}"
        case Verb.ROLLBACK:
            return f"rollback to {versions}"
        case Verb.RESTART:
            return f"restart of {' and '.join(services)}"
        case Verb.SCALE:
            return f"scale of {services[0]} from {changes[0].before.replicas} to {changes[0].after.replicas} pods"


def changes_from_locks(
    environment: str, entries: Iterable[AuditEntry], current: LockRecord | None = None
) -> tuple[PlatformChange, ...]:
    """Maintenance, as locks announce it: one change for each lock of the environment, until it was removed.

    ``entries`` are those of ``lock`` and ``unlock`` in the audit log; ``current`` is the present lock. The end of a lock that
    expired is unknown, because it leaves no entry.
    """
    changes: list[PlatformChange] = []
    last: AuditEntry | None = None
    for entry in sorted(entries, key=lambda each: (each.at, each.key)):
        if entry.where != environment:
            continue
        if entry.what == "unlock" and last is not None:
            changes[-1] = _lock_change(last, unlocked=entry)
            last = None
        elif entry.what == "lock" and entry.who != BOT:  # the bot's entries tell that a lock was moved with the clock
            changes.append(_lock_change(entry))
            last = entry
    # Not by the lock's begin, which moves with the clock: only the last can be held still, for an environment has one at a time.
    if last is not None and current is not None:
        changes[-1] = _lock_change(last, running=True)
    return tuple(changes)


def _lock_change(entry: AuditEntry, *, unlocked: AuditEntry | None = None, running: bool = False) -> PlatformChange:
    return PlatformChange(
        kind=ChangeKind.MAINTENANCE,
        environment=entry.where,
        services=(),
        at=entry.at,
        ended_at=unlocked.at if unlocked else None,
        running=running,
        description=f"lock of {entry.where}: {entry.why}" if entry.why else f"lock of {entry.where}",
        by=entry.who,
    )
