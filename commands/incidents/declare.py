"""The command ``incident declare``."""

import re

from commands.core.arguments import Arguments
from commands.core.quoting import quote
from commands.core.request import Request
from commands.core.router import Router
from commands.incidents.subject import require_alert_role
from domain.answers.incidents import IncidentDeclared, SimilarIncidents
from domain.errors import NotFound, Refused, UsageError
from domain.facts import Answer
from domain.incidents.linking import alert_title
from domain.incidents.transitions import MAX_TITLE_LENGTH
from domain.people import Role
from domain.rich_text import Code, CommandMention, sentence
from domain.severities import Severity
from runbooks.incidents.service import Declaration, IncidentService, PossiblyTheSame

router = Router()


_SEVERITY_LIKE = re.compile(r"p\d+|sev-?\d+", re.IGNORECASE)


@router.command(
    "incident declare",
    needs=Role.RESPONDER,
    usage="<title…> [--severity P1] [--environment production] [--service deep-echo-main] [--alert al-k7m2] [--security] [--new]"
    " [--origin link]",
    example="incident declare P1 checkout is failing",
    group="Incidents",
    form_title="Declare an incident",
    private_flag="security",
)
async def declare_command(request: Request, args: Arguments) -> Answer:
    """Declare an incident: its channel is made, people are invited and paged by severity, and its clocks start."""
    environment, services = _where(request, args)
    request.require(Role.RESPONDER, environment or None)
    severity, title = _severity_and_title(request, args)
    await require_alert_role(request, args.flags.get("alert", "").lower(), Role.RESPONDER)
    declaration = Declaration(
        title=title,
        severity=severity,
        by=request.member,
        source=request.key,
        channel=request.channel,
        environment=environment,
        services=services,
        security="security" in args.flags,
        is_new="new" in args.flags,
        alerts=(args.flags["alert"].lower(),) if args.flags.get("alert") else (),
        origin=args.flags.get("origin", ""),
    )
    try:
        return IncidentDeclared(incident=await request.services.of(IncidentService).declare(declaration))
    except PossiblyTheSame as similar:
        return SimilarIncidents(incidents=similar.incidents, command=_again(declaration))


@router.command(
    "incident open",
    needs=Role.RESPONDER,
    usage="<alert>",
    example="incident open al-k7m2",
    group="Incidents",
    form_title="Open an incident for an alert",
)
async def open_command(request: Request, args: Arguments) -> Answer:
    """Declare an incident for an alert group, with its severity, environment and service."""
    async with request.services.store.read() as tx:
        group = await tx.alerts.get(args[0].lower())
    if group is None:
        raise NotFound(sentence(f"There is no alert group {args[0][:40]}. ", CommandMention("alerts"), " lists them."))
    request.require(Role.RESPONDER, group.environment or None)
    declaration = Declaration(
        title=alert_title(group),
        severity=group.severity,
        by=request.member,
        source=request.key,
        channel=request.channel,
        environment=group.environment,
        services=(group.service,) if group.service else (),
        is_new=True,
        alerts=(group.id,),
    )
    return IncidentDeclared(incident=await request.services.of(IncidentService).declare(declaration))


def _where(request: Request, args: Arguments) -> tuple[str, tuple[str, ...]]:
    environment, service = args.flags.get("environment", ""), args.flags.get("service", "")
    named = request.catalogue.environment_named(environment) if environment else ""
    return named, (request.catalogue.service_named(service),) if service else ()


def _severity_and_title(request: Request, args: Arguments) -> tuple[Severity, str]:
    """``P1 checkout is failing``, or the severity as a flag; without either, the catalogue's default."""
    config = request.catalogue.incidents
    if config is None:
        raise Refused("The catalogue has no section incidents, so none can be declared.")
    words, flag = args.positional, args.flags.get("severity", "")
    severity = parse_severity(flag) if flag else None
    if severity is None and _SEVERITY_LIKE.fullmatch(words[0]):
        severity, words = parse_severity(words[0]), words[1:]
    title = " ".join(words).strip()
    if not title:
        raise UsageError("An incident needs a title.", sentence("Like ", Code("incident declare P1 checkout is failing"), "."))
    if len(title) > MAX_TITLE_LENGTH:
        raise UsageError(f"The title is {len(title)} characters long; at most {MAX_TITLE_LENGTH} fit.", "Say it shorter.")
    return severity or config.default_severity, title


def parse_severity(word: str) -> Severity:
    """``P1``, ``p1``, ``1``, ``SEV1``. Raises ``UsageError``."""
    digits = word.upper().removeprefix("SEV").removeprefix("-").removeprefix("P")
    if digits not in {"0", "1", "2", "3"}:
        meanings = "P0 is a complete outage, P1 hurts most users, P2 some, P3 can wait until tomorrow."
        raise UsageError(f"“{word[:20]}” is no severity. There are P0, P1, P2 and P3.", meanings)
    return Severity(f"P{digits}")


def _again(declaration: Declaration) -> str:
    flags = {"environment": declaration.environment, "service": "".join(declaration.services[:1])}
    flags["alert"] = "".join(declaration.alerts[:1])
    written = "".join(f" --{flag} {value}" for flag, value in flags.items() if value)
    security = " --security" if declaration.security else ""
    return f"incident declare {declaration.severity} {quote(declaration.title)}{written}{security} --new"
