"""A person's permissions, pending approvals, operations and locks: for ``/deepecho`` without a command and the Home tab."""

from collections.abc import Awaitable, Callable

from commands.core.request import Request
from domain.answers.answers import HomeAnswer, Permissions
from domain.catalogue.catalogue import Catalogue
from domain.facts import Answer
from domain.operations.approvals import decision_refusal, is_requester
from domain.operations.locks import LockRecord
from domain.operations.operation import Decision, State
from domain.people import Member, highest_role
from domain.policies import REQUESTED_ACTIONS
from runbooks.people import member_briefly

HomeSection = Callable[[Request], Awaitable[Answer | None]]
"""What a family adds to the Home tab for one person; None where there is nothing to show."""


async def home(request: Request) -> HomeAnswer:
    """The content of the Home tab for one person."""
    catalogue, member = request.catalogue, request.member
    visible = request.visible_environments
    async with request.services.store.read() as tx:
        unfinished = await tx.operations.unfinished()
        locks = await tx.locks.active(request.at)
    visible_operations = [record for record in unfinished if record.environment in visible]
    waiting = tuple(record for record in visible_operations if record.state is State.WAITING)
    return HomeAnswer(
        person=request.person,
        permissions=permissions_by_environment(catalogue, member),
        running=tuple(record for record in visible_operations if record.state is State.RUNNING),
        waiting=waiting,
        approvable=frozenset(
            record.id for record in waiting if decision_refusal(record, member, Decision.APPROVED, catalogue, request.at) is None
        ),
        requested=frozenset(record.id for record in visible_operations if is_requester(record, member, catalogue)),
        locks=(visible_locks := tuple(lock for lock in locks if lock.environment in visible)),
        own_locks=frozenset([lock.environment for lock in visible_locks if await _is_own(request, lock)]),
    )


async def _is_own(request: Request, lock: LockRecord) -> bool:
    """Whether this person locked it, also under another id of the account. Without Slack's word only equal ids count."""
    if lock.operation or lock.window or lock.by == request.person:
        return not lock.operation and not lock.window
    holder = await member_briefly(request.services.directory, lock.by)
    return holder is not None and request.member.is_same_account(holder)


def permissions_by_environment(catalogue: Catalogue, member: Member) -> tuple[Permissions, ...]:
    """What the person may do in each environment, alone or with an approval, in the catalogue's order."""
    return tuple(_permissions_in(name, catalogue, member) for name in catalogue.environments)


def _permissions_in(name: str, catalogue: Catalogue, member: Member) -> Permissions:
    rules = {action.label: catalogue.environments[name].rule(action) for action in REQUESTED_ACTIONS}
    allowed = {label: rule for label, rule in rules.items() if catalogue.has_role(member, rule.needs, name)}
    approves = any(
        rule.approver_role is not None and catalogue.has_role(member, rule.approver_role, name) for rule in rules.values()
    )
    return Permissions(
        environment=name,
        role=highest_role(catalogue.roles_of(member, name)),
        allowed=(*(label for label, rule in allowed.items() if rule.approver_role is None), *(["approve"] if approves else [])),
        allowed_with_approval=tuple(label for label, rule in allowed.items() if rule.approver_role is not None),
    )
