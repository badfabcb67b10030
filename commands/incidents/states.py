"""Commands that change the state of an incident."""

from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.incidents.declare import parse_severity
from commands.incidents.subject import (
    Words,
    apply,
    incident_request,
    parse_incident_id,
    require_role,
    visible_incident,
    with_incident,
    with_words,
)
from domain.answers.answers import TextAnswer
from domain.errors import Denied, UsageError
from domain.facts import Answer
from domain.incidents import transitions
from domain.incidents.clocks import next_due
from domain.incidents.incident import Incident, IncidentRole, IncidentState, Participant
from domain.people import Role
from domain.rich_text import Code, CommandMention, Text, sentence
from domain.text import parse_duration
from runbooks.incidents.service import IncidentService

router = Router()

MAX_PAUSE = timedelta(days=7)


@router.command("incident ack", needs=Role.RESPONDER, usage="[incident]", example="incident ack inc-x4k2", group="Incidents")
async def ack_command(request: Request, args: Arguments) -> Answer:
    """Take an incident on: nobody is paged any more, and you command it, unless somebody does."""

    async def run(incident: Incident, _rest: str) -> Answer:
        after = await apply(request, incident, transitions.acknowledge)
        commands = "You command it." if _commands(after, request) else "Others command it."
        return TextAnswer(f"You acknowledged {after.id}. {commands} {_next_words(after)}")

    return await with_incident(request, args, "incident ack", Role.RESPONDER, run)


@router.command(
    "incident mitigate",
    needs=Role.RESPONDER,
    usage="[incident] [how…]",
    example="incident mitigate inc-x4k2 traffic goes to the other zone",
    group="Incidents",
)
async def mitigate_command(request: Request, args: Arguments) -> Answer:
    """Say that users no longer feel it, though the cause is still there."""

    async def run(incident: Incident, how: str) -> Answer:
        after = await apply(
            request, incident, lambda record, by, at, timings: transitions.mitigate(record, by, at, timings, how=how)
        )
        return TextAnswer(f"{after.id} is mitigated. Nobody is paged any more. {_next_words(after)}")

    return await with_incident(request, args, "incident mitigate", Role.RESPONDER, run)


@router.command(
    "incident resolve",
    needs=Role.RESPONDER,
    usage="[incident] [how…]",
    example="incident resolve inc-x4k2 rolled back to main-abc1234",
    group="Incidents",
)
async def resolve_command(request: Request, args: Arguments) -> Answer:
    """Say that it is over. It is watched for a while, and reopens if a linked alert fires again."""

    async def run(incident: Incident, how: str) -> Answer:
        after = await apply(
            request, incident, lambda record, by, at, timings: transitions.resolve(record, by, at, timings, how=how)
        )
        firing = sum(each.firing for each in after.alerts)
        still = f" {firing} of its alerts still fire{'s' if firing == 1 else ''}." if firing else ""
        return TextAnswer(f"{after.id} is resolved.{still} {_next_words(after)}")

    return await with_incident(request, args, "incident resolve", Role.RESPONDER, run)


@router.command("incident close", needs=Role.RESPONDER, usage="[incident]", example="incident close inc-x4k2", group="Incidents")
async def close_command(request: Request, args: Arguments) -> Answer:
    """Close a resolved incident for good. Only its commander and the role sre may."""

    async def run(incident: Incident, _rest: str) -> Answer:
        if incident.state is IncidentState.RESOLVED:  # the transition refuses all others, whoever asks
            _require_commander(request, incident)
        after = await apply(request, incident, transitions.close)
        return TextAnswer(f"{after.id} is closed.")

    return await with_incident(request, args, "incident close", Role.RESPONDER, run)


@router.command(
    "incident reopen",
    needs=Role.RESPONDER,
    usage="[incident] [why…]",
    example="incident reopen inc-x4k2 errors are back",
    group="Incidents",
)
async def reopen_command(request: Request, args: Arguments) -> Answer:
    """Go on with an incident that was resolved or closed."""

    async def run(incident: Incident, why: str) -> Answer:
        after = await apply(
            request, incident, lambda record, by, at, timings: transitions.reopen(record, by, at, timings, why=why)
        )
        return TextAnswer(f"{after.id} goes on. {_next_words(after)}")

    return await with_incident(request, args, "incident reopen", Role.RESPONDER, run)


@router.command(
    "incident severity",
    needs=Role.RESPONDER,
    usage="<severity> [why…] [--incident inc-x4k2]",
    example="incident severity P0 all of production is down",
    group="Incidents",
    form_title="Change the severity",
)
async def severity_command(request: Request, args: Arguments) -> Answer:
    """Change the severity. A worse one pages by its own policy."""

    async def run(incident: Incident, rest: str) -> Answer:
        word, _, why = rest.partition(" ")
        severity = parse_severity(word)
        after = await apply(
            request,
            incident,
            lambda record, by, at, timings: transitions.set_severity(record, severity, by, at, timings, why=why),
        )
        return TextAnswer(f"{after.id} is {after.severity} now. {_next_words(after)}")

    return await with_incident(request, args, "incident severity", Role.RESPONDER, run)


@router.command(
    "incident pause",
    needs=Role.RESPONDER,
    usage="<for> <why…> [--incident inc-x4k2]",
    example="incident pause 2h the vendor calls back at noon",
    group="Incidents",
    form_title="Pause the clocks",
)
async def pause_command(request: Request, args: Arguments) -> Answer:
    """Let the clocks rest that ask for updates. The card says why and until when."""

    async def run(incident: Incident, rest: str) -> Answer:
        word, _, why = rest.partition(" ")
        if not why.strip():
            raise UsageError("A pause needs a reason, which the card shows.", "Like: pause 2h the vendor calls back at noon.")
        span = parse_duration(word, MAX_PAUSE)
        after = await apply(
            request, incident, lambda record, by, at, _timings: transitions.pause(record, at + span, why.strip(), by, at)
        )
        return TextAnswer(f"The clocks of {after.id} rest. {_next_words(after)}")

    return await with_incident(request, args, "incident pause", Role.RESPONDER, run)


@router.command(
    "incident rename",
    needs=Role.RESPONDER,
    usage="<title…> [--incident inc-x4k2]",
    example="incident rename payments time out",
    group="Incidents",
    form_title="Rename the incident",
)
async def rename_command(request: Request, args: Arguments) -> Answer:
    """Change the title."""

    async def run(incident: Incident, title: str) -> Answer:
        if not title.strip() or len(title) > transitions.MAX_TITLE_LENGTH:
            raise UsageError(f"A title has 1 to {transitions.MAX_TITLE_LENGTH} characters.", "Say it shorter.")
        after = await apply(request, incident, lambda record, by, at, _timings: transitions.rename(record, title, by, at))
        return TextAnswer(f"{after.id} is called “{after.title}” now.")

    return await with_incident(request, args, "incident rename", Role.RESPONDER, run)


@router.command(
    "incident merge",
    needs=Role.RESPONDER,
    usage="<into…> [--incident inc-x4k2]",
    example="incident merge inc-x4k2 into inc-k7m2",
    group="Incidents",
    form_title="Merge into another incident",
)
async def merge_command(request: Request, args: Arguments) -> Answer:
    """Close this incident because it goes on as another one, which takes over its alerts, operations and open tasks."""

    async def run(incident: Incident, into_id: str) -> Answer:
        into = await visible_incident(request, into_id)
        require_role(request, into, Role.RESPONDER)
        await request.services.of(IncidentService).merge(incident_request(request, incident), into.id)
        return TextAnswer(f"{incident.id} goes on as {into.id}.")

    return await with_words(request, _merged_incidents(args), "incident merge", Role.RESPONDER, run)


def _merged_incidents(args: Arguments) -> Words:
    """The incident that ends, if it is named, and the one that it goes on as: ``inc-x4k2 into inc-k7m2``, or the second alone."""
    flag = args.flags.get("incident", "")
    *own, into = args.positional
    named = dict.fromkeys(parse_incident_id(word) for word in (*own, flag) if word and word.lower() != "into")
    if len(named) > 1 or into.lower() == "into":
        raise UsageError(
            "One incident goes on as one other.", sentence("Like ", Code("incident merge inc-x4k2 into inc-k7m2"), ".")
        )
    return Words(next(iter(named), ""), (parse_incident_id(into),))


def _require_commander(request: Request, incident: Incident) -> None:
    commander = incident.holder(IncidentRole.COMMANDER)
    environment = incident.environment if incident.environment in request.catalogue.environments else None
    if _is_person(commander, request) or request.catalogue.has_role(request.member, Role.SRE, environment):
        return
    who: Text = commander.text if commander else "nobody yet"
    hint = sentence(CommandMention(f"incident role commander me --incident {incident.id}"), " takes command.")
    raise Denied(sentence(f"Closing {incident.id} is up to its commander (", who, ") or the role sre. ", hint))


def _commands(incident: Incident, request: Request) -> bool:
    return _is_person(incident.commander, request)


def _is_person(participant: Participant | None, request: Request) -> bool:
    return participant is not None and participant.person.user_id in request.member.user_ids


def _next_words(incident: Incident) -> str:
    due_at = next_due(incident)
    return f"Next is due at {due_at:%d %b %H:%M} UTC." if due_at else "Nothing is due."
