"""The commands ``logs`` and ``logs patterns``."""

from dataclasses import replace
from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.facts import Answer
from domain.logs.filters import parse_filter
from domain.logs.lines import LogQuery
from domain.people import Role
from domain.text import format_duration, parse_duration
from runbooks.logs.following import LogFollower
from runbooks.logs.reading import LogReader

router = Router()

DEFAULT_LAST, LONGEST_LAST = timedelta(minutes=15), timedelta(days=7)
LONGEST_FOLLOW = timedelta(minutes=5)


@router.command(
    "logs",
    needs=Role.VIEWER,
    usage="<env> <service> [words…] [--last 15m] [--follow 60s]",
    example="logs production main timeout --last 1h",
    group="Look",
)
async def logs_command(request: Request, args: Arguments) -> Answer:
    """What a service wrote: patterns with counts, then lines. A word may end with *; -word leaves lines out."""
    query = _query(request, args)
    answer = await request.services.of(LogReader).lines(query)
    if "follow" not in args.flags:
        return answer
    span = parse_duration(args.flags["follow"], LONGEST_FOLLOW)
    followed = replace(query, since=request.at, until=request.at + span)
    await request.services.of(LogFollower).begin(followed, request.person, request.key)
    return replace(answer, note=f"What comes now is in a direct message, for {format_duration(span)}.")


@router.command(
    "logs patterns",
    needs=Role.VIEWER,
    usage="<env> <service> [words…] [--last 15m]",
    example="logs patterns production main error --last 1h",
    group="Look",
)
async def patterns_command(request: Request, args: Arguments) -> Answer:
    """Kinds of lines that a service wrote, with counts, first and last time, and which are new."""
    return await request.services.of(LogReader).patterns(_query(request, args))


def _query(request: Request, args: Arguments) -> LogQuery:
    last = parse_duration(args.flags["last"], LONGEST_LAST) if "last" in args.flags else DEFAULT_LAST
    return LogQuery(
        environment=args.environment,
        service=request.catalogue.service_named(args[1]),
        filter=parse_filter(args.positional[2:]),
        since=request.at - last,
        until=request.at,
    )
