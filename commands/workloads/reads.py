"""The commands ``pods``, ``events``, ``describe``, ``top``, ``nodes``, ``hpa`` and ``rollout``."""

from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.facts import Answer
from domain.people import Role
from domain.text import parse_duration
from runbooks.workloads.reading import WorkloadReader

router = Router()

DEFAULT_LAST, LONGEST_LAST = timedelta(hours=1), timedelta(days=7)
"""Clusters keep events for an hour, unless somebody configured more."""


@router.command("pods", needs=Role.VIEWER, usage="<env> [service]", example="pods production main", group="Look")
async def pods_command(request: Request, args: Arguments) -> Answer:
    """The pods there, those with problems first, with restarts and reasons."""
    return await _reader(request).pods(args.environment, _service(request, args[1]))


@router.command(
    "events", needs=Role.VIEWER, usage="<env> [service] [--last 1h]", example="events production main --last 30m", group="Look"
)
async def events_command(request: Request, args: Arguments) -> Answer:
    """What happened there lately, warnings first; the same of many pods is one line."""
    last = parse_duration(args.flags["last"], LONGEST_LAST) if "last" in args.flags else DEFAULT_LAST
    return await _reader(request).events(args.environment, _service(request, args[1]), last)


@router.command("describe", needs=Role.VIEWER, usage="<env> <service>", example="describe production main", group="Look")
async def describe_command(request: Request, args: Arguments) -> Answer:
    """A service as the cluster has it: containers, limits, probes, names of its settings, pods, last warnings."""
    return await _reader(request).describe(args.environment, request.catalogue.service_named(args[1]))


@router.command("top", needs=Role.VIEWER, usage="<env> [service]", example="top production main", group="Look")
async def top_command(request: Request, args: Arguments) -> Answer:
    """What pods use of processor and memory now, the most hungry first."""
    return await _reader(request).usage(args.environment, _service(request, args[1]))


@router.command("nodes", needs=Role.VIEWER, usage="<env>", example="nodes production", group="Look")
async def nodes_command(request: Request, args: Arguments) -> Answer:
    """The nodes of an environment's cluster, those with problems first."""
    return await _reader(request).nodes(args.environment)


@router.command("hpa", needs=Role.VIEWER, usage="<env> [service]", example="hpa production main", group="Look")
async def hpa_command(request: Request, args: Arguments) -> Answer:
    """The autoscalers there: how many pods, of how many, because of what."""
    return await _reader(request).autoscalers(args.environment, _service(request, args[1]))


@router.command("rollout", needs=Role.VIEWER, usage="<env> <service>", example="rollout production main", group="Look")
async def rollout_command(request: Request, args: Arguments) -> Answer:
    """How far a service's rollout is, which pods hold it up, and which revisions there are."""
    return await _reader(request).rollout(args.environment, request.catalogue.service_named(args[1]))


def _reader(request: Request) -> WorkloadReader:
    return WorkloadReader(catalogue=request.catalogue, clusters=request.services.clusters, at=request.at)


def _service(request: Request, word: str) -> str | None:
    return request.catalogue.service_named(word) if word else None
