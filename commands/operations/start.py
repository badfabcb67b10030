"""From a plan to a preview or an operation: the part that all commands that change the platform share."""

from dataclasses import replace
from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from domain.answers.answers import OperationStarted, Preview
from domain.catalogue.catalogue import Environment
from domain.facts import Answer
from domain.operations.locks import LockRecord, describe_lock, freeze_warning, lock_refusal, override_refusal
from domain.operations.plans import Plan, Verb
from domain.people import Role
from domain.policies import Action
from domain.rich_text import Text, sentence
from runbooks.operations.planner import Planner
from runbooks.operations.service import OperationService

ROLLBACK_USAGE = "<env> <sha|tag|last> [service] [--reason …] [--dry-run]"
"""Also the usage of the command that ``rollback-suspect`` stands for."""


def planner(request: Request) -> Planner:
    """A planner with the catalogue of the request."""
    return Planner(lambda: request.catalogue, request.services.clusters, request.services.store)


def resolve_service(request: Request, word: str) -> str | None:
    """The service's name in the catalogue; None if ``word`` is empty. Raises ``UsageError``."""
    return request.catalogue.service_named(word) if word else None


async def start_operation(
    request: Request, args: Arguments, plan: Plan, *, command: str, duration: timedelta | None = None
) -> Answer:
    """Return a preview for ``--dry-run``, else start the operation. Raises ``Denied``, or ``Refused`` if a lock forbids it."""
    environment = request.catalogue.environments[plan.environment]
    rule = environment.rule(plan.action)
    request.require(rule.needs, plan.environment)
    lock = await _environment_lock(request, plan.environment)
    if args.dry_run:
        warnings = (*plan.warnings, *([_preview_warning(request, plan, lock)] if lock else []))
        return Preview(
            plan=replace(plan, warnings=warnings),
            rule=rule,
            approval_within=environment.approval_within,
            reason=args.reason,
            duration=duration,
            command=command,
        )
    if lock:
        _check_lock(request, plan, lock)
    freeze = lock if lock and lock.window else None
    if freeze:
        plan = replace(plan, warnings=(freeze_warning(freeze), *plan.warnings))
    record = await request.services.of(OperationService).start(
        plan,
        source=request.key,
        by=request.member,
        channel=_card_channel(request, environment),
        reason=args.reason,
        duration=duration,
        overrides_freeze=freeze.window if freeze else "",
    )
    return OperationStarted(record)


def _card_channel(request: Request, environment: Environment) -> str:
    """The channel of the card: that of the request, or the environment's channel instead of a direct message."""
    is_direct_message = request.channel.startswith("D") or not request.channel
    return environment.channel or request.channel if is_direct_message else request.channel


async def _environment_lock(request: Request, environment: str) -> LockRecord | None:
    async with request.services.store.read() as tx:
        return await tx.locks.change_lock(environment, request.at)


def _check_lock(request: Request, plan: Plan, lock: LockRecord) -> None:
    """A rollback passes a person's lock, anything passes a freeze, with the role for that; a freeze asks for a second person."""
    may_override = _may_override(request, plan.environment)
    if plan.verb is not Verb.ROLLBACK and not (lock.window and may_override):
        raise lock_refusal(lock)
    if not may_override:
        raise override_refusal(lock, _override_role(request, plan.environment))


def _preview_warning(request: Request, plan: Plan, lock: LockRecord) -> Text:
    if lock.window and _may_override(request, plan.environment):
        return freeze_warning(lock)
    refused = "be refused until then" if lock.window else "wait until it is unlocked"
    return sentence(describe_lock(lock), f" This would {refused}.")


def _may_override(request: Request, environment: str) -> bool:
    return request.catalogue.has_role(request.member, _override_role(request, environment), environment)


def _override_role(request: Request, environment: str) -> Role:
    return request.catalogue.environments[environment].rule(Action.OVERRIDE_LOCK).needs
