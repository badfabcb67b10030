"""The commands ``guard``, ``guard stop`` and ``guard put-back``."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.operations.start import planner, start_operation
from domain.answers.guard import GuardsAnswer, GuardStopped
from domain.errors import Denied, NotFound, Refused, UsageError
from domain.facts import Answer
from domain.guard.guard import Guard, GuardState
from domain.people import Role
from domain.policies import Action
from domain.rich_text import CommandMention, sentence
from runbooks.guard.putting_back import plan_put_back, put_back_reason
from runbooks.guard.stopping import stop_guard
from storage.guard import GuardRepository

router = Router()

MAX_SHOWN = 10
_OPERATION_ID = re.compile(r"op-[a-z0-9]{4,32}")


@router.command("guard", needs=Role.VIEWER, usage="[env]", example="guard staging", group="Look")
async def guard_command(request: Request, args: Arguments) -> Answer:
    """Which deploys are being watched, and what the guard said of the last ones."""
    environments = (args.environment,) if args.environment else request.visible_environments
    if not environments:
        raise Denied("You may see no environment, and so no deploy.")
    async with request.services.store.read() as tx:
        found = await tx.of(GuardRepository).recent(environments, MAX_SHOWN)
    guards = sorted(found, key=lambda each: each.state.final)
    known = request.catalogue.environments
    return GuardsAnswer(
        guards=tuple(guards), unguarded=tuple(name for name in environments if name in known and known[name].guard is None)
    )


@router.command(
    "guard stop",
    needs=Action.ROLLBACK,
    usage="<operation>",
    example="guard stop op-k7m2",
    group="Ship",
    audit_action="guard-stop",
)
async def stop_command(request: Request, args: Arguments) -> Answer:
    """Stop watching a deploy: nothing is put back by itself any more. What was put back already stays so."""
    guard = await _guard_of(request, args[0])
    _require(request, guard)
    return GuardStopped(await stop_guard(request.services.store, guard.operation, request.person, request.at, source=request.key))


@router.command(
    "guard put-back",
    needs=Action.ROLLBACK,
    usage="<operation> [--reason …] [--dry-run]",
    example="guard put-back op-k7m2",
    group="Ship",
    audit_action="rollback",
)
async def put_back_command(request: Request, args: Arguments) -> Answer:
    """Roll back a guarded deploy to exactly what ran before it, with the approval that a rollback needs there."""
    guard = await _guard_of(request, args[0])
    _require(request, guard)
    if guard.rollback:
        raise Refused(sentence("It was put back already: ", CommandMention(f"operations {guard.environment}"), " shows it."))
    plan = await plan_put_back(planner(request), request.services.store, request.catalogue, guard)
    flags = {**args.flags, "reason": args.reason or put_back_reason(guard)}
    return await start_operation(request, replace(args, flags=flags), plan, command=f"guard put-back {guard.operation}")


async def watched_deploys(request: Request) -> Answer | None:
    """For the Home tab: what is watched now, and what waits for a decision since a day at most."""
    async with request.services.store.read() as tx:
        found = await tx.of(GuardRepository).recent(request.visible_environments, MAX_SHOWN)
    shown = [each for each in found if not each.state.final or _is_offered(each, request.at)]
    return GuardsAnswer(guards=tuple(shown)) if shown else None


def _is_offered(guard: Guard, at: datetime) -> bool:
    return guard.state is GuardState.OFFERED and at - guard.began_at < timedelta(days=1)


async def _guard_of(request: Request, word: str) -> Guard:
    if _OPERATION_ID.fullmatch(word) is None:
        raise UsageError(f"“{word[:40]}” is not the id of an operation.", "Write it as op-k7m2.")
    async with request.services.store.read() as tx:
        guard = await tx.of(GuardRepository).get(word)
    if guard is None or guard.environment not in request.visible_environments:
        raise NotFound(sentence(f"The guard knows no deploy {word}. ", CommandMention("guard"), " lists what it has watched."))
    return guard


def _require(request: Request, guard: Guard) -> None:
    """Raise ``Denied`` for who may not roll back there, ``Refused`` for an environment that is gone."""
    environment = request.catalogue.environments.get(guard.environment)
    if environment is None:
        raise Refused(f"The catalogue no longer has the environment {guard.environment}, so nothing was changed.")
    request.require(environment.rule(Action.ROLLBACK).needs, guard.environment)
