"""The commands ``incident list`` and ``incident show``."""

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.incidents.subject import visible_incidents, with_incident
from domain.answers.incidents import IncidentAnswer, IncidentsAnswer
from domain.facts import Answer
from domain.incidents.cards import IncidentCard
from domain.incidents.clocks import upcoming
from domain.incidents.incident import Incident
from domain.people import Role
from runbooks.incidents.service import IncidentService

router = Router()

MAX_LISTED = 20


@router.command("incident list", needs=Role.VIEWER, usage="[--open]", example="incident list --open", group="Incidents")
async def list_command(request: Request, args: Arguments) -> Answer:
    """The newest incidents, open ones first."""
    incidents = await visible_incidents(request, MAX_LISTED)
    if "open" in args.flags:
        return IncidentsAnswer(title="Open incidents", incidents=tuple(each for each in incidents if each.is_open))
    return IncidentsAnswer(title="Incidents", incidents=incidents)


async def open_incidents(request: Request) -> Answer | None:
    """The incidents that are open, for the Home tab; None without any that the person may see."""
    if request.catalogue.incidents is None:
        return None
    incidents = tuple(each for each in await visible_incidents(request, MAX_LISTED) if each.is_open)
    return IncidentsAnswer(title="Open incidents", incidents=incidents) if incidents else None


@router.command("incident show", needs=Role.VIEWER, usage="[incident]", example="incident show inc-x4k2", group="Incidents")
async def show_command(request: Request, args: Arguments) -> Answer:
    """The card of an incident, with what happens next if nobody acts."""

    async def run(incident: Incident, _rest: str) -> Answer:
        timings = request.services.of(IncidentService).saver.timings
        return IncidentAnswer(card=IncidentCard(incident=incident, at=request.at, upcoming=upcoming(incident, timings)))

    return await with_incident(request, args, "incident show", Role.VIEWER, run)
