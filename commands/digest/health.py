"""The command ``health``."""

import asyncio

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.health import EnvironmentHealth, HealthAnswer
from domain.errors import Denied
from domain.facts import Answer
from domain.people import Role
from runbooks.digest.measuring import HealthReader

router = Router()


@router.command("health", needs=Role.VIEWER, usage="[env]", example="health production", group="Look")
async def health_command(request: Request, args: Arguments) -> Answer:
    """Every system at once, red first. A check that could not be made says so."""
    environments = (args.environment,) if args.environment else request.visible_environments
    if not environments:
        raise Denied("You may see no environment, and so not how they are.")
    reader = request.services.of(HealthReader)
    measured = await asyncio.gather(*(reader.measure(name) for name in environments))
    found = tuple(EnvironmentHealth(name, lines) for name, lines in zip(environments, measured, strict=True))
    return HealthAnswer(at=request.at, environments=found)
