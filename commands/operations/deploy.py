"""Deploy and roll back."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from commands.core.arguments import Words
from commands.core.quoting import SLASH, written
from commands.core.request import Request
from commands.core.router import Router
from commands.core.usage import Usage
from commands.operations.start import ask, planner, service_named
from domain.answers.answers import Answer
from domain.operations.plans import Plan
from domain.operations.version_choices import VersionChoice
from domain.operations.version_selection import VersionUnclear
from domain.policies import Action

router = Router()

DEPLOY = "<env> <version> [service] [--reason …] [--dry-run]"
ROLLBACK = "<env> <sha|tag|last> [service] [--reason …] [--dry-run]"

_Plan = Callable[[str, str, str | None], Awaitable[Plan]]


@router.command("deploy", needs=Action.DEPLOY, usage=DEPLOY, example="deploy staging main-abc1234", group="Ship")
async def deploy_command(request: Request, words: Words) -> Answer:
    """Put a version into an environment. Without a service: every service of the default application that it fits."""
    return await _ship(request, words, planner(request).deploy, "deploy", DEPLOY)


@router.command(
    "rollback",
    needs=Action.ROLLBACK,
    usage=ROLLBACK,
    example='rollback production last --reason "errors went up"',
    group="Ship",
)
async def rollback_command(request: Request, words: Words) -> Answer:
    """Put back a version that ran before, with the whole template that it ran with. `last` is the last different version."""
    return await _ship(request, words, planner(request).rollback, "rollback", ROLLBACK)


async def _ship(request: Request, words: Words, make: _Plan, name: str, line: str) -> Answer:
    environment, version, service = words.environment, words[1], service_named(request, words[2])

    def again(version: str, flags: dict[str, str]) -> str:
        return f"{SLASH} {written(Usage.of(name, line), [environment, version, service or ''], flags)}"

    flags = dict(words.flags)
    try:
        plan = await make(environment, version, service)
    except VersionUnclear as unclear:
        offered = [_ready(choice, again(choice.version, flags)) for choice in unclear.choices.choices]
        return replace(unclear.choices, choices=tuple(offered))
    flags.pop("dry-run", None)
    return await ask(request, words, plan, command=again(version, flags))


def _ready(choice: VersionChoice, command: str) -> VersionChoice:
    return replace(choice, command=command)
