"""The command ``oncall calendar``."""

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.oncall.lookup import own_name_required, team_named
from domain.answers.oncall import CalendarAnswer
from domain.errors import Refused
from domain.facts import Answer
from domain.oncall.calendar import CalendarLinks, Feed, FeedKind
from domain.people import Role

router = Router()


@router.command("oncall calendar", needs=Role.VIEWER, usage="[team]", example="oncall calendar", group="On call")
async def calendar_command(request: Request, args: Arguments) -> Answer:
    """The address of your own on-call calendar, or of a team's, for your calendar program. Only you see it: keep it so."""
    feed = Feed(FeedKind.TEAM, team_named(request, args[0])) if args[0] else Feed(FeedKind.PERSON, own_name_required(request))
    links = request.services.of(CalendarLinks)
    if not links.secrets:
        raise Refused("Calendars are switched off: whoever runs the bot sets DEEPECHO_CALENDAR__SECRET and __PUBLIC_URL.")
    return CalendarAnswer(name=feed.name, is_own=feed.kind is FeedKind.PERSON, url=links.url(feed))
