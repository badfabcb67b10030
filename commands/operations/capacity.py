"""New pods, or another number of them."""

import re
from datetime import timedelta

from commands.core.arguments import Words
from commands.core.quoting import SLASH, written
from commands.core.request import Request
from commands.core.router import Router
from commands.core.usage import Usage
from commands.operations.start import ask, planner
from domain.answers.answers import Answer
from domain.errors import UsageError
from domain.policies import Action
from domain.text import parse_span

router = Router()

RESTART = "<env> <service> [--reason …] [--dry-run]"
SCALE = "<env> <service> <n> [--for 2h] [--reason …] [--dry-run]"
LONGEST = timedelta(days=7)
"""What should stay for longer belongs into the service's own configuration."""


@router.command("restart", needs=Action.RESTART, usage=RESTART, example="restart staging deep-echo-cognitive", group="Capacity")
async def restart_command(request: Request, words: Words) -> Answer:
    """Replace every pod of a service, a few at a time, with the version that runs."""
    service = request.catalogue.service_named(words[1])
    plan = await planner(request).restart(words.environment, service)
    return await ask(request, words, plan, command=_again("restart", RESTART, words, service))


@router.command(
    "scale",
    needs=(Action.SCALE_UP, Action.SCALE_DOWN),
    usage=SCALE,
    example="scale staging deep-echo-main 5 --for 2h",
    group="Capacity",
)
async def scale_command(request: Request, words: Words) -> Answer:
    """Run another number of pods of a service; with `--for`, the number of before comes back afterwards."""
    service = request.catalogue.service_named(words[1])
    if not re.fullmatch(r"[0-9]{1,6}", words[2]):
        raise UsageError(f"“{words[2]}” is not a number of pods.", f"`{SLASH} scale {words.environment} {service} 5`")
    lasts = parse_span(words.flags["for"], LONGEST) if "for" in words.flags else None
    plan = await planner(request).scale(words.environment, service, int(words[2]))
    return await ask(request, words, plan, command=_again("scale", SCALE, words, service), lasts=lasts)


def _again(name: str, line: str, words: Words, service: str) -> str:
    flags = {flag: value for flag, value in words.flags.items() if flag != "dry-run"}
    return f"{SLASH} {written(Usage.of(name, line), [words.environment, service, *words.arguments[2:]], flags)}"
