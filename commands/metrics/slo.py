"""The command ``slo``."""

import asyncio

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.slo import EnvironmentSlo, SloAnswer
from domain.errors import Refused
from domain.facts import Answer
from domain.people import Role
from runbooks.metrics.indicators import IndicatorReader

router = Router()


@router.command("slo", needs=Role.VIEWER, usage="[env]", example="slo production", group="Look")
async def slo_command(request: Request, args: Arguments) -> Answer:
    """Service level objectives: the value now, what is left of the error budget, and how fast it is spent."""
    if not request.catalogue.slo:
        raise Refused("The catalogue names no objectives. They go under slo: an expression, its limit, and how often it holds.")
    names = [args.environment] if args.environment else request.visible_environments
    return SloAnswer(at=request.at, environments=tuple(await asyncio.gather(*(_read(request, name) for name in names))))


async def _read(request: Request, environment: str) -> EnvironmentSlo:
    if not request.catalogue.environments[environment].prometheus:
        return EnvironmentSlo(environment=environment, problem="the catalogue names no Prometheus for it")
    return EnvironmentSlo(environment=environment, objectives=await request.services.of(IndicatorReader).budgets(environment))
