"""Whether an operation may still be done: the catalogue, the requester, the approver and a lock as they are now. Pure.

What was allowed when it was asked for or approved may be forbidden when it starts: people leave, roles and environments change.
"""

from dataclasses import dataclass

from domain.catalogue.catalogue import Catalogue
from domain.errors import Denied, Drifted, Refused
from domain.operations.locks import LockRecord, lock_refusal
from domain.operations.operation import Decision, OperationRecord, Phase
from domain.operations.plans import Verb
from domain.people import Member, Role
from domain.policies import AccessRule, Action
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Text, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Participants:
    """Who asked for an operation and who approved it, as Slack knows them now.

    ``requester`` is None for the bot itself, ``approver`` where nobody had to approve or nobody has yet.
    """

    requester: Member | None
    approver: Member | None = None


def catalogue_problem(record: OperationRecord, catalogue: Catalogue) -> str:
    """Why the catalogue no longer lets the operation be done, as a sentence; empty if it does.

    A reload may have removed its environment or a service, or moved one: the plan was made for what the catalogue said then.
    """
    if record.environment not in catalogue.environments:
        return f"{record.environment} is no longer in the catalogue."
    for change in record.plan.changes:
        service = change.target.service
        if service not in catalogue.services:
            return f"{service} is no longer in the catalogue."
        if catalogue.target(record.environment, service) != change.target:
            return f"The catalogue names another place for {service} in {record.environment} by now."
    return ""


def require_in_catalogue(record: OperationRecord, catalogue: Catalogue) -> None:
    """Raise ``Drifted`` if the catalogue no longer lets the operation be done."""
    if problem := catalogue_problem(record, catalogue):
        raise Drifted(f"{problem} {NOTHING_CHANGED}")


def required_approvers(record: OperationRecord, rule: AccessRule) -> tuple[Role, ...]:
    """The roles that an approver needs: that of the request, and that of the catalogue where it has become another one."""
    requested = record.approval.role if record.approval else None
    return tuple(dict.fromkeys(role for role in (requested, rule.approver_role) if role is not None))


def rights_refusal(
    record: OperationRecord, people: Participants, catalogue: Catalogue, lock: LockRecord | None = None
) -> Refused | None:
    """Why the operation may not change anything now; None if it may. ``lock`` is a person's on its environment."""
    if problem := catalogue_problem(record, catalogue):
        return Drifted(f"{problem} {NOTHING_CHANGED}")
    if people.requester is None:
        return _lock_refusal(record, people, catalogue, lock)
    return requester_refusal(record, people.requester, catalogue) or (
        _approver_refusal(record, people, catalogue) or _lock_refusal(record, people, catalogue, lock)
    )


def requester_refusal(record: OperationRecord, requester: Member, catalogue: Catalogue) -> Refused | None:
    """The refusal of what somebody asked for who may not ask for it any more."""
    needed = catalogue.environments[record.environment].rule(record.plan.action).needs
    return _lost_role(record, requester, needed, "asked for", catalogue)


def _approver_refusal(record: OperationRecord, people: Participants, catalogue: Catalogue) -> Refused | None:
    roles = required_approvers(record, catalogue.environments[record.environment].rule(record.plan.action))
    if not roles:
        return None
    if people.approver is None:
        return Refused(f"{record.environment} asks for an approval by now, and {record.id} has none. {NOTHING_CHANGED}")
    if people.requester is not None and people.approver.user_ids & people.requester.user_ids:
        return Refused(f"{record.id} was asked for and approved by the same person. {NOTHING_CHANGED}")
    lost = (_lost_role(record, people.approver, role, "approved", catalogue) for role in roles)
    return next((refusal for refusal in lost if refusal is not None), None)


def _lost_role(record: OperationRecord, member: Member, role: Role, did: str, catalogue: Catalogue) -> Denied | None:
    if catalogue.has_role(member, role, record.environment):
        return None
    reason: Text = f"does not hold the role {role.value} in {record.environment} any more"
    if member.deactivated:
        reason = "has no active account any more"
    elif member.guest:
        reason = "is a guest by now"
    elif member.stranger:
        reason = "does not belong to this workspace any more"
    return Denied(sentence(member.person, f", who {did} {record.id}, ", reason, f". {NOTHING_CHANGED}"))


def _lock_refusal(record: OperationRecord, people: Participants, catalogue: Catalogue, lock: LockRecord | None) -> Refused | None:
    """A lock stops what has changed nothing yet; a rollback passes it if somebody still holds the role for that."""
    # A crash or an outage may lie between the phase and the change: whoever asks here has not changed that service yet.
    has_begun = any(each.phase not in (Phase.WAITING, Phase.CHANGING) for each in record.progress)
    if lock is None or has_begun:
        return None
    role = catalogue.environments[record.environment].rule(Action.OVERRIDE_LOCK).needs
    if lock.window:
        asked = people.requester is not None and catalogue.has_role(people.requester, role, record.environment)
        return None if asked and passes_lock(record, lock) else lock_refusal(lock)
    holders = [member for member in (people.requester, people.approver) if member is not None]
    may_override = any(catalogue.has_role(member, role, record.environment) for member in holders)
    return None if record.verb is Verb.ROLLBACK and may_override else lock_refusal(lock)


def passes_lock(record: OperationRecord, lock: LockRecord) -> bool:
    """Whether a lock does not stop an operation, by what was known when it was asked for and approved.

    A freeze is passed by what was asked for in the knowledge of exactly this freeze, and approved by a second person.
    """
    if not lock.window:
        return record.verb is Verb.ROLLBACK and record.overrides_lock
    approved = record.approval is not None and record.approval.decision is Decision.APPROVED
    return approved and record.overrides_freeze == lock.window


def is_guarded(record: OperationRecord, catalogue: Catalogue) -> bool:
    """Whether it changes nothing while Slack cannot be asked who people are: it is protected, or somebody has to approve.

    The catalogue may ask for an approval by now that it did not ask for when the operation began.
    """
    environment = catalogue.environments.get(record.environment)
    if record.approval is not None or environment is None or environment.protected:
        return True
    return environment.rule(record.plan.action).approver_role is not None
