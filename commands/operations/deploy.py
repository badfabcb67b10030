"""The commands ``deploy`` and ``rollback``."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from commands.core.arguments import Arguments
from commands.core.quoting import format_command
from commands.core.request import Request
from commands.core.router import Router
from commands.core.usage import Usage
from commands.operations.start import ROLLBACK_USAGE, planner, resolve_service, start_operation
from domain.facts import Answer
from domain.operations.plans import Plan
from domain.operations.version_choices import VersionChoice
from domain.operations.version_selection import AmbiguousVersion
from domain.policies import Action
from domain.rich_text import Text
from runbooks.metrics.indicators import IndicatorReader
from runbooks.metrics.present import present_lines

router = Router()

DEPLOY_USAGE = "<env> <version> [service] [--reason …] [--dry-run]"

_MakePlan = Callable[[str, str, str | None], Awaitable[Plan]]


@router.command("deploy", needs=Action.DEPLOY, usage=DEPLOY_USAGE, example="deploy staging main-abc1234", group="Ship")
async def deploy_command(request: Request, args: Arguments) -> Answer:
    """Put a version into an environment. Without a service: every service of the default application that it fits."""
    return await _start_release(request, args, planner(request).deploy, "deploy", DEPLOY_USAGE)


@router.command(
    "rollback",
    needs=Action.ROLLBACK,
    usage=ROLLBACK_USAGE,
    example='rollback production last --reason "errors went up"',
    group="Ship",
)
async def rollback_command(request: Request, args: Arguments) -> Answer:
    """Put back a version that ran before, with its whole template. `last` is the last that differed, `#12` a revision."""
    return await _start_release(request, args, planner(request).rollback, "rollback", ROLLBACK_USAGE)


async def _start_release(request: Request, args: Arguments, make_plan: _MakePlan, name: str, usage_line: str) -> Answer:
    environment, version, service = args.environment, args[1], resolve_service(request, args[2])

    def command_line(version: str, flags: dict[str, str], of_service: str = "") -> str:
        return format_command(Usage.parse(name, usage_line), [environment, version, service or of_service], flags)

    flags = dict(args.flags)
    try:
        plan, present = await asyncio.gather(make_plan(environment, version, service), _present(request, environment, service))
    except AmbiguousVersion as ambiguous:
        choices = [
            _with_command(choice, command_line(choice.name, flags, choice.only_service)) for choice in ambiguous.choices.choices
        ]
        return replace(ambiguous.choices, choices=tuple(choices))
    flags.pop("dry-run", None)
    return await start_operation(request, args, replace(plan, present=present), command=command_line(version, flags))


async def _present(request: Request, environment: str, service: str | None) -> tuple[Text, ...]:
    """How the services do now; nothing where nothing is measured."""
    services = (service,) if service else request.catalogue.default_application.services
    indicators = request.services.family_services.get(IndicatorReader)
    return await present_lines(indicators, environment, services, request.at) if isinstance(indicators, IndicatorReader) else ()


def _with_command(choice: VersionChoice, command: str) -> VersionChoice:
    return replace(choice, command=command)
