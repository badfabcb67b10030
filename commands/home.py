"""What one person may do, and what concerns them now. Shown by ``/deepecho`` alone and on the Home tab."""

from commands.core.request import Request
from domain.answers.answers import HomeAnswer, MayDo
from domain.catalogue.catalogue import Catalogue
from domain.operations.operation import OperationRecord, State
from domain.people import Member, highest
from domain.policies import Action

_NAMES = {
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
        locks = await tx.locks.all(request.at)
    seen = [each for each in unfinished if each.environment in visible]
    waiting = tuple(each for each in seen if each.state is State.WAITING)
    return HomeAnswer(
        person=request.person,
        may=may_do(catalogue, member),
        running=tuple(each for each in seen if each.state is State.RUNNING),
        waiting=waiting,
        decidable=frozenset(each.id for each in waiting if _may_approve(each, catalogue, member)),
        locks=tuple(each for each in locks if each.environment in visible),
    )


def may_do(catalogue: Catalogue, member: Member) -> tuple[MayDo, ...]:
    """By environment, in the catalogue's order: what the person may do alone, and what with another's approval."""
    return tuple(_in(name, catalogue, member) for name in catalogue.environments)


def _in(name: str, catalogue: Catalogue, member: Member) -> MayDo:
    rules = {label: catalogue.environments[name].rule(action) for action, label in _NAMES.items()}
    open_to = {label: rule for label, rule in rules.items() if catalogue.may(member, rule.needs, name)}
    approves = any(rule.approval is not None and catalogue.may(member, rule.approval, name) for rule in rules.values())
    return MayDo(
        environment=name,
        role=highest(catalogue.roles_of(member, name)),
        alone=(*(label for label, rule in open_to.items() if rule.approval is None), *(["approve"] if approves else [])),
        asks=tuple(label for label, rule in open_to.items() if rule.approval is not None),
    )


def _may_approve(record: OperationRecord, catalogue: Catalogue, member: Member) -> bool:
    asked = record.approval
    return asked is not None and record.requested_by != member.person and catalogue.may(member, asked.role, record.environment)
