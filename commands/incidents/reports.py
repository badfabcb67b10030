"""Commands that tell about an incident: catch-up and timeline."""

from zoneinfo import ZoneInfo

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.incidents.subject import apply, incident_request, with_incident
from domain.answers.answers import TextAnswer
from domain.errors import UsageError
from domain.facts import Answer
from domain.incidents.incident import Incident
from domain.incidents.timeline_edits import add_entry, parse_past_time
from domain.people import Role
from domain.rich_text import Code, Timestamp, sentence, shorten
from runbooks.incidents.catchup import CatchupService
from runbooks.incidents.timeline import TimelineService, zone_of

router = Router()

_MAX_ECHO_LENGTH = 100


@router.command("incident catchup", needs=Role.VIEWER, usage="[incident]", example="incident catchup inc-x4k2", group="Incidents")
async def catchup_command(request: Request, args: Arguments) -> Answer:
    """Ten lines for whoever comes late: what stands, what changed just now, who does what, what was tried, what comes next."""

    async def run(incident: Incident, _rest: str) -> Answer:
        return await request.services.of(CatchupService).catchup(incident)

    return await with_incident(request, args, "incident catchup", Role.VIEWER, run)


@router.command(
    "incident timeline", needs=Role.VIEWER, usage="[incident]", example="incident timeline inc-x4k2", group="Incidents"
)
async def timeline_command(request: Request, args: Arguments) -> Answer:
    """What happened in an incident, with times in UTC and in your zone. A long one comes as a file, too."""

    async def run(incident: Incident, _rest: str) -> Answer:
        return await request.services.of(TimelineService).read(incident, incident_request(request, incident))

    return await with_incident(request, args, "incident timeline", Role.VIEWER, run)


@router.command(
    "incident timeline add",
    needs=Role.RESPONDER,
    usage="<text…> [--at 14:05] [--incident inc-x4k2]",
    example="incident timeline add the cache was emptied by hand --at 14:05",
    group="Incidents",
    form_title="Add to the timeline",
)
async def add_command(request: Request, args: Arguments) -> Answer:
    """Put something on the timeline that happened. `--at` is by your own clock; `14:05Z` is UTC."""

    async def run(incident: Incident, text: str) -> Answer:
        if not text.strip():
            raise UsageError("An entry needs words.", "Like: timeline add the cache was emptied by hand.")
        zone = zone_of(request.member)
        word = args.flags.get("at", "")
        happened_at = parse_past_time(word, request.at, zone if isinstance(zone, ZoneInfo) else ZoneInfo("UTC")) if word else None
        after = await apply(
            request, incident, lambda record, by, at, _timings: add_entry(record, text.strip(), by, at, happened_at or at)
        )
        when = sentence(" for ", Timestamp(happened_at)) if happened_at else ""
        return TextAnswer(sentence(f"Entry {after.entry_count} is on the timeline of ", Code(after.id), when, "."))

    return await with_incident(request, args, "incident timeline add", Role.RESPONDER, run)


@router.command(
    "incident timeline drop",
    needs=Role.RESPONDER,
    usage="<number…> [--incident inc-x4k2]",
    example="incident timeline drop 12",
    group="Incidents",
    form_title="Drop an entry of the timeline",
)
async def drop_command(request: Request, args: Arguments) -> Answer:
    """Take an entry from the timeline. It stays stored, and the audit log says who dropped it."""

    async def run(incident: Incident, rest: str) -> Answer:
        number = _parse_number(rest)
        entry = await request.services.of(TimelineService).drop(incident_request(request, incident), number)
        return TextAnswer(sentence(f"Entry {number} is dropped: ", shorten(entry.text, _MAX_ECHO_LENGTH)))

    return await with_incident(request, args, "incident timeline drop", Role.RESPONDER, run)


def _parse_number(word: str) -> int:
    number = word.strip().removeprefix("#")
    if not number.isascii() or not number.isdecimal() or not 0 < int(number[:9]) < 10**6:
        raise UsageError(f"“{word[:40]}” is not the number of an entry.", "The timeline shows the numbers.")
    return int(number)
