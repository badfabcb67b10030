"""What every command that changes the platform does between its plan and its operation."""

from dataclasses import replace
from datetime import timedelta

from commands.core.arguments import Words
from commands.core.quoting import SLASH
from commands.core.request import Request
from domain.answers.answers import Answer, Preview, Started
from domain.catalogue.catalogue import Environment
from domain.errors import Denied, Refused
from domain.operations.locks import LockRecord
from domain.operations.plans import Plan, Verb
from domain.policies import Action
from runbooks.operations.planner import Planner


def planner(request: Request) -> Planner:
    """Plans by the catalogue as it was when the request came in."""
    return Planner(lambda: request.catalogue, request.services.clusters)


def service_named(request: Request, word: str) -> str | None:
    """The catalogue's own name of the service; None where none was said. Raises ``UsageError``."""
    return request.catalogue.service_named(word) if word else None


async def ask(request: Request, words: Words, plan: Plan, *, command: str, lasts: timedelta | None = None) -> Answer:
    """Show the plan, where only that was asked for; else begin the operation. Raises ``Refused`` where a lock forbids it."""
    environment = request.catalogue.environments[plan.environment]
    rule = environment.rule(plan.action)
    request.require(rule.needs, plan.environment)
    lock = await _lock(request, plan.environment)
    if words.dry_run:
        warnings = (*plan.warnings, *([f"{_locked(lock)} This would wait until it is unlocked."] if lock else []))
        return Preview(
            plan=replace(plan, warnings=warnings),
            rule=rule,
            approval_within=environment.approval_within,
            reason=words.reason,
            lasts=lasts,
            command=command,
        )
    if lock:
        _pass(request, plan, lock)
    record = await request.services.operations.start(
        plan,
        source=request.key,
        by=request.member,
        channel=_channel(request, environment),
        reason=words.reason,
        lasts=lasts,
    )
    return Started(record)


def _channel(request: Request, environment: Environment) -> str:
    """Where the card goes: where it was asked for, so that it is found; not into a conversation that no approver can see."""
    direct = request.channel.startswith("D") or not request.channel
    return environment.channel or request.channel if direct else request.channel


async def _lock(request: Request, environment: str) -> LockRecord | None:
    async with request.services.store.read() as tx:
        return await tx.locks.of_person(environment, request.at)


def _pass(request: Request, plan: Plan, lock: LockRecord) -> None:
    unlock = f"Nothing was changed. When it may go on: `{SLASH} unlock {plan.environment}`."
    if plan.verb is not Verb.ROLLBACK:
        raise Refused(f"{_locked(lock)} {unlock}")
    needed = request.catalogue.environments[plan.environment].rule(Action.PASS_LOCK).needs
    if not request.catalogue.may(request.member, needed, plan.environment):
        raise Denied(f"{_locked(lock)} A rollback passes a lock with the role {needed}, which you do not hold. {unlock}")


def _locked(lock: LockRecord) -> str:
    until = f", until {lock.until:%d %b %H:%M} UTC" if lock.until else ""
    return f"{lock.environment} is locked by <@{lock.by.user_id}>{until}: {lock.reason}."
