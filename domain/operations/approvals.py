"""Who may approve, reject or cancel an operation: one rule for the Home tab, the commands and the service. Pure."""

from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.errors import Denied, Refused
from domain.operations.operation import Decision, OperationRecord
from domain.operations.transitions import require_pending_approval
from domain.people import Member, Role
from domain.refusals import outsider_refusal, role_refusal


def decision_refusal(
    record: OperationRecord, member: Member, decision: Decision, catalogue: Catalogue, at: datetime
) -> Refused | None:
    """The refusal of a member's decision on an operation; None if the member may decide now."""
    # Requesters need no role for their own operation: they may reject it, and are told why they cannot approve it.
    is_own = is_requester(record, member, catalogue)
    role = record.approval.role if record.approval else Role.APPROVER
    if not is_own and (refusal := _role_refusal(record, member, role, "Deciding on", catalogue)) is not None:
        return refusal
    try:
        require_pending_approval(record, at)
    except Refused as refusal:
        return refusal
    if is_own and decision is Decision.APPROVED:
        return Refused(f"You asked for {record.id} yourself, so another person has to approve it. Nothing was changed.")
    return None


def cancel_refusal(record: OperationRecord, member: Member, catalogue: Catalogue) -> Refused | None:
    """The refusal of a member's request to cancel an operation; None if the member may."""
    if is_requester(record, member, catalogue):
        return None
    role = catalogue.environments[record.environment].rule(record.plan.action).needs
    return _role_refusal(record, member, role, "Cancelling", catalogue)


def is_requester(record: OperationRecord, member: Member, catalogue: Catalogue) -> bool:
    """Whether this member asked for the operation.

    On Enterprise Grid one account has the same user id in several workspaces. In a workspace that the catalogue does not list,
    the same user id may belong to somebody else.
    """
    if member.person == record.requested_by:
        return True
    return member.person.user_id == record.requested_by.user_id and not _is_outsider(member, catalogue)


def _role_refusal(record: OperationRecord, member: Member, role: Role, what: str, catalogue: Catalogue) -> Denied | None:
    if _is_outsider(member, catalogue):
        return outsider_refusal(member)
    if not catalogue.has_role(member, role, record.environment):
        return role_refusal(f"{what} {record.id}", role, record.environment)
    return None


def _is_outsider(member: Member, catalogue: Catalogue) -> bool:
    return member.guest or member.stranger or member.person.team_id not in catalogue.workspaces
