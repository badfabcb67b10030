"""The commands ``traces``, ``trace`` and ``trace compare``."""

from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.errors import Denied, UsageError
from domain.facts import Answer
from domain.people import Role
from domain.text import parse_duration
from domain.traces.listing import TraceOrder
from runbooks.traces.pictures import TraceViewer
from runbooks.traces.reading import TraceReader
from runbooks.traces.search import TraceWindow

router = Router()

DEFAULT_LAST, LONGEST_LAST = timedelta(minutes=30), timedelta(days=7)


@router.command(
    "traces",
    needs=Role.VIEWER,
    usage="<service> [slow|errors] [env] [--last 30m]",
    example="traces main slow production",
    group="Look",
)
async def traces_command(request: Request, args: Arguments) -> Answer:
    """Traces of a service from Jaeger, the newest, the slowest or those that failed first."""
    order, word = _order(args)
    last = parse_duration(args.flags["last"], LONGEST_LAST) if "last" in args.flags else DEFAULT_LAST
    window = TraceWindow(
        environment=_environment(request, word),
        service=request.catalogue.service_named(args[0]),
        since=request.at - last,
        until=request.at,
        order=order,
    )
    return await request.services.of(TraceReader).list(window)


@router.command("trace", needs=Role.VIEWER, usage="<id> [env]", example="trace 4bf92f3577b34da6a3ce929d0e0e4736", group="Look")
async def trace_command(request: Request, args: Arguments) -> Answer:
    """One trace: what ran when, and what its end waited for. A picture follows in a direct message."""
    environment = _environment(request, args[1])
    return await request.services.of(TraceViewer).show(environment, args[0], request.person, request.key)


@router.command(
    "trace compare", needs=Role.VIEWER, usage="<id> <id> [env]", example="trace compare 4bf92f35 7b34da6a", group="Look"
)
async def compare_command(request: Request, args: Arguments) -> Answer:
    """What the ends of two traces waited for, the largest difference first."""
    return await request.services.of(TraceReader).compare(_environment(request, args[2]), args[0], args[1])


def _order(args: Arguments) -> tuple[TraceOrder, str]:
    """The order, and the word for the environment, which may stand before it."""
    words = [args[1], args[2]]
    named = [word for word in words if word in (TraceOrder.SLOW, TraceOrder.ERRORS)]
    others = [word for word in words if word and word not in named]
    if len(named) > 1 or len(others) > 1:
        raise UsageError("Say either slow or errors, and one environment.")
    return TraceOrder(named[0]) if named else TraceOrder.NEWEST, others[0] if others else ""


def _environment(request: Request, word: str) -> str:
    """The environment that was named, else the last one with a Jaeger that the person may see. Raises ``Denied``."""
    if word:
        name = request.catalogue.environment_named(word)
        request.require(Role.VIEWER, name)
        return name
    visible = request.visible_environments
    if not visible:
        raise Denied("You may see no environment, and so no traces.")
    with_jaeger = [name for name in visible if request.catalogue.environments[name].jaeger]
    return (with_jaeger or list(visible))[-1]
