"""Who may approve, reject or cancel an operation: one rule for the Home tab, the commands and the service. Pure."""

from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.errors import Denied, Refused
from domain.operations.operation import Decision, OperationRecord
from domain.operations.rights import requester_refusal, required_approvers
from domain.operations.transitions import require_pending_approval
from domain.people import Member, Role
from domain.policies import REQUIRED_ROLES
from domain.refusals import outsider_refusal, role_refusal


def decision_refusal(
    record: OperationRecord,
    member: Member,
    decision: Decision,
    catalogue: Catalogue,
    at: datetime,
    requester: Member | None = None,
) -> Refused | None:
    """The refusal of a member's decision on an operation; None if the member may decide now.

    With ``requester``, whoever asked for it must still be allowed to where it is approved.
    """
    # Requesters need no role for their own operation: they may reject it, and are told why they cannot approve it.
    is_own = is_requester(record, member, catalogue, requester)
    for role in () if is_own else _deciding_roles(record, catalogue):
        if (refusal := _role_refusal(record, member, role, "Deciding on", catalogue)) is not None:
            return refusal
    try:
        require_pending_approval(record, at)
    except Refused as refusal:
        return refusal
    if is_own and decision is Decision.APPROVED:
        return Refused(f"You asked for {record.id} yourself, so another person has to approve it. Nothing was changed.")
    if decision is Decision.APPROVED and requester is not None and record.environment in catalogue.environments:
        return requester_refusal(record, requester, catalogue)
    return None


def _deciding_roles(record: OperationRecord, catalogue: Catalogue) -> tuple[Role, ...]:
    environment = catalogue.environments.get(record.environment)
    if environment is None:
        return (record.approval.role if record.approval else Role.APPROVER,)
    return required_approvers(record, environment.rule(record.plan.action)) or (Role.APPROVER,)


def cancel_refusal(
    record: OperationRecord, member: Member, catalogue: Catalogue, requester: Member | None = None
) -> Refused | None:
    """The refusal of a member's request to cancel an operation; None if the member may."""
    if is_requester(record, member, catalogue, requester):
        return None
    environment = catalogue.environments.get(record.environment)
    role = environment.rule(record.plan.action).needs if environment else REQUIRED_ROLES[record.plan.action]
    return _role_refusal(record, member, role, "Cancelling", catalogue)


def is_requester(record: OperationRecord, member: Member, catalogue: Catalogue, requester: Member | None = None) -> bool:
    """Whether this member asked for the operation. ``requester`` is who did, if known: then all ids of the account count.

    On Enterprise Grid one account has the same user id in several workspaces, or one in each. In a workspace that the catalogue
    does not list, the same user id may belong to somebody else.
    """
    if member.person == record.requested_by:
        return True
    user_ids = {record.requested_by.user_id} | (requester.user_ids if requester else frozenset())
    return bool(member.user_ids & user_ids) and not _is_outsider(member, catalogue)


def _role_refusal(record: OperationRecord, member: Member, role: Role, what: str, catalogue: Catalogue) -> Denied | None:
    if _is_outsider(member, catalogue):
        return outsider_refusal(member)
    if not catalogue.has_role(member, role, record.environment):
        return role_refusal(f"{what} {record.id}", role, record.environment)
    return None


def _is_outsider(member: Member, catalogue: Catalogue) -> bool:
    return member.guest or member.stranger or member.person.team_id not in catalogue.workspaces
