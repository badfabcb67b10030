"""Commands for the work in an incident: roles, updates, tasks, links."""

import re

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.incidents.subject import apply, incident_request, require_alert_role, with_incident
from domain.answers.answers import TextAnswer
from domain.answers.incidents import TasksAnswer
from domain.errors import Refused, UsageError
from domain.facts import Answer
from domain.incidents import tasks, transitions
from domain.incidents.incident import Incident, IncidentRole, Participant
from domain.people import Person, Role
from domain.rich_text import Code, sentence
from domain.text import nearest
from runbooks.incidents.service import IncidentService, participant

router = Router()

_SUBJECT = re.compile(r"(?:al|op)-[a-z0-9]{1,40}")
_ROLE_WORDS = {"ic": IncidentRole.COMMANDER, "lead": IncidentRole.COMMANDER, "communications": IncidentRole.COMMS}


@router.command(
    "incident role",
    needs=Role.RESPONDER,
    usage="<role> <person…> [--incident inc-x4k2]",
    example="incident role commander @ana",
    group="Incidents",
    form_title="Give somebody a role",
)
async def role_command(request: Request, args: Arguments) -> Answer:
    """Make somebody commander, comms or scribe. The person is told; “me” means you."""

    async def run(incident: Incident, rest: str) -> Answer:
        role_word, _, person_word = rest.partition(" ")
        role, holder = _parse_role(role_word), await _participant_named(request, args, person_word.strip())
        after = await apply(
            request, incident, lambda record, by, at, timings: transitions.set_role(record, role, holder, by, at, timings)
        )
        return TextAnswer(sentence(holder.text, f" is {role.value} of {after.id}."))

    return await with_incident(request, args, "incident role", Role.RESPONDER, run)


@router.command("incident here", needs=Role.RESPONDER, usage="[incident]", example="incident here", group="Incidents")
async def here_command(request: Request, args: Arguments) -> Answer:
    """As the commander, answer that you are still with it."""

    async def run(incident: Incident, _rest: str) -> Answer:
        after = await apply(request, incident, transitions.still_here)
        return TextAnswer(f"Good. {after.id} is yours.")

    return await with_incident(request, args, "incident here", Role.RESPONDER, run)


@router.command(
    "incident update",
    needs=Role.RESPONDER,
    usage="<text…> [--incident inc-x4k2]",
    example="incident update errors fall, the rollback is through",
    group="Incidents",
    form_title="Post an update",
)
async def update_command(request: Request, args: Arguments) -> Answer:
    """Say what stands. The next update is due by the severity."""

    async def run(incident: Incident, text: str) -> Answer:
        if not text.strip():
            raise UsageError("An update needs words.", "Like: update errors fall, the rollback is through.")
        after = await apply(
            request, incident, lambda record, by, at, timings: transitions.post_update(record, text.strip(), by, at, timings)
        )
        return TextAnswer(f"The update is in {after.id}.")

    return await with_incident(request, args, "incident update", Role.RESPONDER, run)


@router.command(
    "incident task",
    needs=Role.RESPONDER,
    usage="<action> [text…] [--incident inc-x4k2]",
    example="incident task add ask the vendor for logs",
    group="Incidents",
    form_title="Tasks of the incident",
)
async def task_command(request: Request, args: Arguments) -> Answer:
    """Keep what has to be done: add it, mark its number done, or list all. What is left becomes an action item."""

    async def run(incident: Incident, rest: str) -> Answer:
        what, _, text = rest.partition(" ")
        match what.lower():
            case "list" | "":
                return TasksAnswer(incident_id=incident.id, tasks=incident.tasks)
            case "add" if text.strip():
                after = await apply(request, incident, lambda record, by, at, _t: tasks.add_task(record, text.strip(), by, at))
                return TextAnswer(f"Task {after.tasks[-1].number} of {after.id}: {after.tasks[-1].text}")
            case "done" if re.fullmatch(r"#?\d{1,4}", text.strip()):
                number = int(text.strip().removeprefix("#"))
                after = await apply(request, incident, lambda record, by, at, _t: tasks.finish_task(record, number, by, at))
                return TextAnswer(f"Task {number} is done. {len(after.open_tasks)} left.")
            case _:
                raise UsageError("A task is added, done or listed.", "Like: task add ask the vendor, task done 2, task list.")

    return await with_incident(request, args, "incident task", Role.RESPONDER, run)


@router.command(
    "incident link",
    needs=Role.RESPONDER,
    usage="<subject…> [--incident inc-x4k2]",
    example="incident link al-k7m2",
    group="Incidents",
    form_title="Link an alert or operation",
)
async def link_command(request: Request, args: Arguments) -> Answer:
    """Make an alert group or an operation part of the incident."""

    async def run(incident: Incident, subject: str) -> Answer:
        name = _parse_subject(subject)
        await require_alert_role(request, name, Role.RESPONDER)
        after = await request.services.of(IncidentService).link(incident_request(request, incident), name)
        return TextAnswer(f"{name} is part of {after.id}.")

    return await with_incident(request, args, "incident link", Role.RESPONDER, run)


@router.command(
    "incident unlink",
    needs=Role.RESPONDER,
    usage="<alert…> [--incident inc-x4k2]",
    example="incident unlink al-k7m2",
    group="Incidents",
    form_title="Unlink an alert",
)
async def unlink_command(request: Request, args: Arguments) -> Answer:
    """Take an alert group from the incident, because it has another cause."""

    async def run(incident: Incident, subject: str) -> Answer:
        name = _parse_subject(subject)
        after = await request.services.of(IncidentService).unlink(incident_request(request, incident), name)
        return TextAnswer(f"{name} is no longer part of {after.id}.")

    return await with_incident(request, args, "incident unlink", Role.RESPONDER, run)


def _parse_role(word: str) -> IncidentRole:
    lowered = word.lower()
    known = {role.value: role for role in IncidentRole} | _ROLE_WORDS
    if lowered in known:
        return known[lowered]
    close = nearest(lowered, known, max_results=1)
    hint = sentence("Did you mean ", Code(close[0]), "?") if close else "There are commander, comms and scribe."
    raise UsageError(f"“{word[:30]}” is no role of an incident.", hint)


async def _participant_named(request: Request, args: Arguments, word: str) -> Participant:
    """Who is meant: a mention, “me”, or a name of the catalogue. Raises ``UsageError`` or ``Refused``."""
    if word.lower() == "me":
        return participant(request.member)
    user_id = args.mentions.get(word) or _user_id_in_catalogue(request, word)
    if not user_id:
        raise UsageError(f"“{word[:40]}” is nobody whom I know.", sentence("Mention the person: ", Code("@ana"), "."))
    member = await request.services.directory.member(Person(user_id, request.person.team_id))
    if member.guest or member.stranger:
        who = "a guest" if member.guest else "nobody of this workspace"
        raise Refused(f"{member.name} is {who}, so they can have no role in an incident. Nothing was changed.")
    return participant(member)


def _user_id_in_catalogue(request: Request, word: str) -> str:
    person = request.catalogue.people.get(word.lower().removeprefix("@"))
    return person.slack if person else ""


def _parse_subject(word: str) -> str:
    name = word.strip().lower()
    if not _SUBJECT.fullmatch(name):
        raise UsageError(
            f"“{word[:40]}” is no alert group and no operation.",
            sentence("They look like ", Code("al-k7m2"), " and ", Code("op-k7m2"), "."),
        )
    return name
