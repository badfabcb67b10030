"""The commands ``lock``, ``unlock`` and ``locks``."""

from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import LookUp, Router
from domain.answers.answers import LocksAnswer, TextAnswer
from domain.audit import AuditEntry, new_entry
from domain.errors import Refused
from domain.facts import Answer
from domain.operations.locks import lock_refusal
from domain.people import Person, Role
from domain.policies import Action
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import CommandMention, sentence
from domain.text import parse_duration

router = Router()

MAX_LOCK_DURATION = timedelta(days=30)
"""The longest lock. For a longer freeze, change the roles in the catalogue."""


@router.command(
    "lock",
    needs=Action.LOCK,
    usage="<env> <reason…> [--for 2h]",
    example="lock production database move --for 2h",
    group="Lock",
    look_up=LookUp.BRIEF,
)
async def lock_command(request: Request, args: Arguments) -> Answer:
    """Refuse deploys, restarts and scaling in an environment, for everybody. Only an emergency rollback passes."""
    environment, reason = args.environment, args.rest(1)
    until = request.at + parse_duration(args.flags["for"], MAX_LOCK_DURATION) if "for" in args.flags else None
    async with request.services.store.write() as tx:
        if not await tx.locks.lock_environment(environment, request.person, reason, request.at, until):
            lock = await tx.locks.environment_lock(environment, request.at)
            raise lock_refusal(lock) if lock else Refused(f"{environment} was locked at this moment. {NOTHING_CHANGED}")
        ends = f" until {until:%d %b %H:%M} UTC" if until else ""
        await tx.audit.append(_audit_entry(request, "lock", environment, reason, f"locked{ends}"))
    role = request.catalogue.environments[environment].rule(Action.OVERRIDE_LOCK).needs
    refused = f"Deploys, restarts and scaling are refused; a rollback still passes with the role {role}."
    unlock = CommandMention(f"unlock {environment}")
    return TextAnswer(sentence(f"{environment} is locked{ends}. {refused} To free it: ", unlock, "."))


@router.command("unlock", needs=Action.LOCK, usage="<env>", example="unlock production", group="Lock", look_up=LookUp.FRESH)
async def unlock_command(request: Request, args: Arguments) -> Answer:
    """Free an environment. Your own lock, or with a higher role somebody else's."""
    environment = args.environment
    async with request.services.store.read() as tx:
        lock = await tx.locks.environment_lock(environment, request.at)
    if lock is None:
        raise Refused(f"{environment} is not locked. Nothing was changed.")
    # Before the transaction, which must not wait for Slack. Only this lock is removed, not one that replaced it since.
    is_own, role = lock.by == request.person, request.catalogue.environments[environment].rule(Action.UNLOCK_OTHERS).needs
    if not is_own and not request.catalogue.has_role(request.member, role, environment):
        is_own = await _is_same_account(request, lock.by)
        if not is_own:
            request.require(role, environment)
    async with request.services.store.write() as tx:
        if not await tx.locks.unlock_environment(lock):
            refusal = f"The lock of {environment} changed at this moment. Nothing was changed. Look again: "
            raise Refused(sentence(refusal, CommandMention("locks"), "."))
        whose = "their own lock" if is_own else f"the lock of {lock.by}"
        await tx.audit.append(_audit_entry(request, "unlock", environment, lock.reason, f"removed {whose}"))
    return TextAnswer(f"{environment} is unlocked.")


@router.command("locks", needs=Role.VIEWER, example="locks", group="Lock")
async def locks_command(request: Request, args: Arguments) -> Answer:  # noqa: ARG001 -- every command is called alike
    """Every lock that is held: people's, and those of operations that run."""
    async with request.services.store.read() as tx:
        locks = await tx.locks.active(request.at)
    return LocksAnswer(tuple(lock for lock in locks if request.catalogue.has_role(request.member, Role.VIEWER, lock.environment)))


async def _is_same_account(request: Request, other: Person) -> bool:
    """Whether this is the person who asks, under another id of their account. Raises ``TemporaryError``."""
    return request.member.is_same_account(await request.services.directory.fresh_member(other))


def _audit_entry(request: Request, what: str, environment: str, why: str, outcome: str) -> AuditEntry:
    return new_entry(
        key=f"{request.key}/{what}",
        at=request.at,
        who=request.person,
        what=what,
        environment=environment,
        why=why,
        outcome=outcome,
    )
