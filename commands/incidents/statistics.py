"""The command ``incident stats``."""

from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.facts import Answer
from domain.people import Role
from domain.text import parse_duration
from runbooks.incidents.statistics import StatisticsService

router = Router()

DEFAULT_SPAN, MAX_SPAN = timedelta(days=30), timedelta(days=365)
"""Closed incidents are kept for a year unless the settings say otherwise."""


@router.command("incident stats", needs=Role.VIEWER, usage="[period]", example="incident stats 30d", group="Incidents")
async def stats_command(request: Request, args: Arguments) -> Answer:
    """How many incidents, how long until they were acknowledged, mitigated and resolved, where, what came back, who was paged."""
    span = parse_duration(args[0], MAX_SPAN) if args[0] else DEFAULT_SPAN
    return await request.services.of(StatisticsService).statistics(request.member, span, request.key)
