"""The commands ``incident postmortem`` and ``incident postmortem done``."""

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.incidents.subject import apply, incident_request, with_incident
from domain.answers.answers import TextAnswer
from domain.errors import UsageError
from domain.facts import Answer
from domain.incidents.incident import Incident
from domain.incidents.postmortem_end import finish_postmortem, parse_address
from domain.people import Role
from domain.rich_text import ChannelMention, sentence
from runbooks.incidents.postmortem import PostmortemService

router = Router()


@router.command(
    "incident postmortem", needs=Role.VIEWER, usage="[incident]", example="incident postmortem inc-x4k2", group="Incidents"
)
async def postmortem_command(request: Request, args: Arguments) -> Answer:
    """The draft of a post-mortem as a Markdown file, with the charts: in the incident's channel, elsewhere in private."""

    async def run(incident: Incident, _rest: str) -> Answer:
        to_channel = incident.channel.is_usable and request.channel == incident.channel.id
        service = request.services.of(PostmortemService)
        await service.send(incident, incident_request(request, incident), to_channel=to_channel)
        where = sentence("in ", ChannelMention(incident.channel.id)) if to_channel else "in your direct messages"
        return TextAnswer(sentence(f"The draft of the post-mortem of {incident.id} comes ", where, "."))

    return await with_incident(request, args, "incident postmortem", Role.VIEWER, run)


@router.command(
    "incident postmortem done",
    needs=Role.RESPONDER,
    usage="<address…> [--incident inc-x4k2]",
    example="incident postmortem done inc-x4k2 https://wiki.example.com/post-mortems/42",
    group="Incidents",
    form_title="The post-mortem is done",
)
async def done_command(request: Request, args: Arguments) -> Answer:
    """Say where the finished post-mortem is. Nobody is reminded of it any more."""

    async def run(incident: Incident, rest: str) -> Answer:
        if not rest.strip():
            raise UsageError("Where the post-mortem is, is missing.", "Like: postmortem done https://wiki.example.com/42.")
        url = parse_address(rest.strip())
        after = await apply(request, incident, lambda record, by, at, _timings: finish_postmortem(record, url, by, at))
        return TextAnswer(f"The post-mortem of {after.id} is done. Nobody is reminded of it any more.")

    return await with_incident(request, args, "incident postmortem done", Role.RESPONDER, run)
