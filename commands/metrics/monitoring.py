"""The commands ``targets`` and ``rules``."""

import asyncio
from collections.abc import Sequence

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.monitoring import RulesAnswer, TargetsAnswer
from domain.errors import Denied
from domain.facts import Answer
from domain.people import Role
from runbooks.metrics.monitoring import MonitoringReader

router = Router()


@router.command("targets", needs=Role.VIEWER, usage="[env]", example="targets production", group="Look")
async def targets_command(request: Request, args: Arguments) -> Answer:
    """What Prometheus scrapes, and what it cannot reach."""
    reader = request.services.of(MonitoringReader)
    environments = await asyncio.gather(*(reader.targets(name) for name in _environments(request, args)))
    return TargetsAnswer(at=request.at, environments=tuple(environments))


@router.command("rules", needs=Role.VIEWER, usage="[env]", example="rules production", group="Look")
async def rules_command(request: Request, args: Arguments) -> Answer:
    """The alert rules of Prometheus: which fire, which are broken, and which can never fire for want of their series."""
    reader = request.services.of(MonitoringReader)
    environments = await asyncio.gather(*(reader.rules(name) for name in _environments(request, args)))
    return RulesAnswer(at=request.at, environments=tuple(environments))


def _environments(request: Request, args: Arguments) -> Sequence[str]:
    """The one that was named, else all that the person may see. Raises ``Denied``."""
    names = [args.environment] if args.environment else request.visible_environments
    if not names:
        raise Denied("You may see no environment, and so nothing of its monitoring.")
    return names
