"""The command ``dash``."""

from dataclasses import replace
from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.dashboards import DashboardsAnswer
from domain.catalogue.catalogue import Catalogue
from domain.dashboards.links import TimeRange
from domain.errors import Denied, Refused
from domain.facts import Answer
from domain.people import Role
from domain.rich_text import Text
from domain.text import parse_duration
from runbooks.dashboards.pictures import PanelPictures, PictureRequest
from runbooks.dashboards.scope import Scope
from runbooks.dashboards.search import DashboardQuery, DashboardSearch

router = Router()

DEFAULT_SPAN = timedelta(hours=1)
MAX_SPAN = timedelta(days=90)


@router.command(
    "dash",
    needs=Role.VIEWER,
    usage="[search…] [--panel …] [--last 1h]",
    example="dash production main --last 3h",
    group="Look",
)
async def dash_command(request: Request, args: Arguments) -> Answer:
    """Dashboards of Grafana, with links that carry the time, the environment and the service. --panel finds panels."""
    environment, words = _split(args.rest(0).split(), request.catalogue)
    span = parse_duration(args.flags["last"], MAX_SPAN) if "last" in args.flags else DEFAULT_SPAN
    query = DashboardQuery(
        words=" ".join(words),
        panel=args.flags.get("panel", ""),
        scope=Scope(environment=environment, service=_service_in(words, request.catalogue)),
        shown=TimeRange(request.at - span, request.at),
    )
    answer = await request.services.of(DashboardSearch).find(_environments(request, environment), query)
    return replace(answer, picture=await _picture(request, answer))


async def _picture(request: Request, answer: DashboardsAnswer) -> Text:
    """Have the panel drawn, where exactly one was found."""
    if len(answer.links) != 1 or not answer.links[0].panel:
        return ""
    wanted = PictureRequest(link=answer.links[0], shown=answer.shown, person=request.person, source=request.key)
    return await request.services.of(PanelPictures).request(wanted)


def _environments(request: Request, environment: str) -> tuple[str, ...]:
    """Those whose Grafana is asked. Raises ``Denied``, or ``Refused`` where there is none."""
    if environment:
        request.require(Role.VIEWER, environment)
    visible = (environment,) if environment else request.visible_environments
    if not visible:
        raise Denied("You may see no environment, and so none of their dashboards.")
    names = tuple(name for name in visible if request.catalogue.environments[name].grafana)
    if not names:
        where = environment or "any environment that you may see"
        raise Refused(f"The catalogue names no Grafana for {where}. Its address goes under environments, as grafana.")
    return names


def _split(words: list[str], catalogue: Catalogue) -> tuple[str, list[str]]:
    """The environment, where the first word is one, and the other words. Titles have such words too, but in the middle."""
    known = {alias: name for name, entry in catalogue.environments.items() for alias in (name, *entry.aliases)}
    if words and words[0].lower() in known:
        return known[words[0].lower()], words[1:]
    return "", words


def _service_in(words: list[str], catalogue: Catalogue) -> str:
    known = {alias: name for name, entry in catalogue.services.items() for alias in (name, *entry.aliases)}
    return next((known[word.lower()] for word in words if word.lower() in known), "")
