"""The commands ``restart``, ``scale`` and ``unscale``."""

import re
from dataclasses import replace
from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.quoting import format_command
from commands.core.request import Request
from commands.core.router import Router
from commands.core.usage import Usage
from commands.operations.operation_id import parse_operation_id
from commands.operations.start import planner, start_operation
from domain.errors import UsageError
from domain.facts import Answer
from domain.policies import Action
from domain.rich_text import CommandMention, sentence
from domain.text import parse_duration
from runbooks.operations.scale_leases import plan_early_end

router = Router()

RESTART_USAGE = "<env> <service> [--reason …] [--dry-run]"
SCALE_USAGE = "<env> <service> <n> [--for 2h] [--reason …] [--dry-run]"
UNSCALE_USAGE = "<scale> [--reason …] [--dry-run]"
MAX_TEMPORARY_SCALE = timedelta(days=7)
"""The longest temporary scale. For longer, change the service's own configuration."""


@router.command(
    "restart", needs=Action.RESTART, usage=RESTART_USAGE, example="restart staging deep-echo-cognitive", group="Capacity"
)
async def restart_command(request: Request, args: Arguments) -> Answer:
    """Replace every pod of a service, a few at a time, with the version that runs."""
    service = request.catalogue.service_named(args[1])
    plan = await planner(request).restart(args.environment, service)
    return await start_operation(request, args, plan, command=_command_line("restart", RESTART_USAGE, args, service))


@router.command(
    "scale",
    needs=(Action.SCALE_UP, Action.SCALE_DOWN),
    usage=SCALE_USAGE,
    example="scale staging deep-echo-main 5 --for 2h",
    group="Capacity",
)
async def scale_command(request: Request, args: Arguments) -> Answer:
    """Run another number of pods of a service; with `--for`, the number of before comes back afterwards."""
    service = request.catalogue.service_named(args[1])
    if not re.fullmatch(r"[0-9]{1,6}", args[2]):
        example = CommandMention(f"scale {args.environment} {service} 5")
        raise UsageError(f"“{args[2]}” is not a number of pods.", sentence(example))
    duration = parse_duration(args.flags["for"], MAX_TEMPORARY_SCALE) if "for" in args.flags else None
    plan = await planner(request).scale(args.environment, service, int(args[2]))
    return await start_operation(
        request, args, plan, command=_command_line("scale", SCALE_USAGE, args, service), duration=duration
    )


@router.command(
    "unscale",
    needs=(Action.SCALE_UP, Action.SCALE_DOWN),
    usage=UNSCALE_USAGE,
    example="unscale op-k7m2",
    group="Capacity",
    form_title="End a scale early",
    audit_action="scale",
)
async def unscale_command(request: Request, args: Arguments) -> Answer:
    """End a `scale --for` before its time: the number of before comes back now, unless somebody has set another one."""
    operation = parse_operation_id(args[0])
    plan = await plan_early_end(request.services.store, planner(request), request.catalogue, operation, request.at)
    args = replace(args, flags={**args.flags, "reason": args.reason or f"ends {operation} early"})
    flags = {flag: value for flag, value in args.flags.items() if flag != "dry-run"}
    command = format_command(Usage.parse("unscale", UNSCALE_USAGE), [operation], flags)
    return await start_operation(request, args, plan, command=command)


def _command_line(name: str, usage_line: str, args: Arguments, service: str) -> str:
    flags = {flag: value for flag, value in args.flags.items() if flag != "dry-run"}
    positional = [args.environment, service, *args.positional[2:]]
    return format_command(Usage.parse(name, usage_line), positional, flags)
