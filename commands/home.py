"""What one person may do, and what concerns them now. Shown by ``/deepecho`` alone and on the Home tab."""

from commands.core.request import Request
from domain.answers.answers import HomeAnswer, Permissions
from domain.catalogue.catalogue import Catalogue
from domain.operations.approvals import decision_refusal, is_requester
from domain.operations.operation import Decision, State
from domain.people import Member, highest_role
from domain.policies import Action

_ACTION_NAMES = {
    Action.DEPLOY: "deploy",
    Action.ROLLBACK: "rollback",
    Action.RESTART: "restart",
    Action.SCALE_UP: "scale up",
    Action.SCALE_DOWN: "scale down",
    Action.LOCK: "lock",
}


async def home(request: Request) -> HomeAnswer:
    """The whole picture for one person."""
    catalogue, member = request.catalogue, request.member
    visible = request.visible_environments
    async with request.services.store.read() as tx:
        unfinished = await tx.operations.unfinished()
        locks = await tx.locks.active(request.at)
    visible_operations = [each for each in unfinished if each.environment in visible]
    waiting = tuple(each for each in visible_operations if each.state is State.WAITING)
    return HomeAnswer(
        person=request.person,
        permissions=permissions_by_environment(catalogue, member),
        running=tuple(each for each in visible_operations if each.state is State.RUNNING),
        waiting=waiting,
        approvable=frozenset(
            each.id for each in waiting if decision_refusal(each, member, Decision.APPROVED, catalogue, request.at) is None
        ),
        requested=frozenset(each.id for each in visible_operations if is_requester(each, member, catalogue)),
        locks=tuple(each for each in locks if each.environment in visible),
    )


def permissions_by_environment(catalogue: Catalogue, member: Member) -> tuple[Permissions, ...]:
    """By environment, in the catalogue's order: what the person may do alone, and what with another's approval."""
    return tuple(_permissions_in(name, catalogue, member) for name in catalogue.environments)


def _permissions_in(name: str, catalogue: Catalogue, member: Member) -> Permissions:
    rules = {label: catalogue.environments[name].rule(action) for action, label in _ACTION_NAMES.items()}
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
