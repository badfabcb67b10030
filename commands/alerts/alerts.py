"""The commands ``alerts``, ``alerts route`` and ``ack``."""

from commands.core.arguments import Arguments
from commands.core.ids import parse_id
from commands.core.request import Request
from commands.core.router import Router
from domain.alerts.alerts import AlertGroup
from domain.alerts.routing import explain_route
from domain.answers.alerts import AlertsAnswer, RouteAnswer
from domain.answers.answers import TextAnswer
from domain.facts import Answer
from domain.matchers import parse_labels
from domain.people import Role
from runbooks.alerts.service import AlertRequest, AlertService

router = Router()

MAX_GROUPS_SHOWN = 30


@router.command(
    "alerts",
    needs=Role.VIEWER,
    usage="[env] [--firing] [--silenced] [--mine]",
    example="alerts production --mine",
    group="Alerts",
)
async def alerts_command(request: Request, args: Arguments) -> Answer:
    """Alert groups that fire, the worst first; or those that are silenced, or that you have acknowledged."""
    silenced, mine = "silenced" in args.flags, "mine" in args.flags
    firing = "firing" in args.flags or not (silenced or mine)
    async with request.services.store.read() as tx:
        groups, total = await tx.alerts.search(
            environments=request.visible_environments,
            environment=args.environment,
            firing=True if firing or mine else None,
            silenced=True if silenced else None,
            acknowledged_by=request.person.user_id if mine else "",
            limit=MAX_GROUPS_SHOWN,
        )
    kinds = [*(["firing"] if firing else []), *(["silenced"] if silenced else []), *(["acknowledged by you"] if mine else [])]
    where = f" in {args.environment}" if args.environment else ""
    return AlertsAnswer(title=f"Alerts{where}, {' and '.join(kinds)}", groups=groups, total=total)


@router.command(
    "alerts route",
    needs=Role.VIEWER,
    usage="<labels…>",
    example="alerts route alertname=HighErrorRate severity=critical",
    group="Alerts",
)
async def route_command(request: Request, args: Arguments) -> Answer:
    """Which rule of the catalogue an alert with these labels matches and why, and where it goes. Nobody is called."""
    labels = parse_labels(_split_labels(args.positional))
    return RouteAnswer(labels=labels, explanation=explain_route(labels, request.catalogue))


@router.command(
    "ack",
    needs=Role.RESPONDER,
    usage="<alert>",
    example="ack al-k7m2",
    group="Alerts",
    form_title="Acknowledge an alert",
    audit_action="acknowledge",
)
async def ack_command(request: Request, args: Arguments) -> Answer:
    """Say that you take care of an alert group, an incident or a page. For an alert it runs out by itself."""
    acknowledge = request.services.acknowledgers.get(args[0].lower().partition("-")[0])
    if acknowledge is not None:
        return await acknowledge(request, args[0])
    group = await find_group(request, args[0], Role.RESPONDER)
    after = await request.services.of(AlertService).acknowledge(
        AlertRequest(group=group.id, by=request.member, source=request.key)
    )
    until = f" until {after.acknowledgement.until:%H:%M} UTC" if after.acknowledgement else ""
    return TextAnswer(f"You acknowledged {after.id}{until}. If it still fires then, its thread says so.")


async def find_group(request: Request, word: str, role: Role) -> AlertGroup:
    """Find the group with this id and require the role in its environment.

    Raises ``UsageError``, ``NotFound`` or ``Denied``.
    """
    group = await request.services.of(AlertService).find(parse_alert_id(word))
    request.require(role, group.environment or None)
    return group


def parse_alert_id(word: str) -> str:
    """Parse a group id: ``al-k7m2``, ``AL-K7M2`` and ``k7m2`` are the same. Raises ``UsageError``."""
    return parse_id(word, "al-k7m2", "an alert group's", "alerts")


def _split_labels(arguments: tuple[str, ...]) -> list[str]:
    """Split into single labels, also those copied as ``{a="b", c="d"}`` or entered as one text in a form."""
    is_copied = arguments[0].startswith("{")
    words: list[str] = []
    for argument in arguments:
        bare = argument.removeprefix("{").removesuffix("}").removesuffix(",") if is_copied else argument
        parts = bare.split("," if is_copied else None)
        words += parts if all("=" in part for part in parts) else [bare]
    return [word for word in words if word]
