"""The commands ``page``, ``page show`` and ``page test``, and the acknowledgement of pages."""

import re

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.answers import TextAnswer
from domain.answers.paging import PageAnswer
from domain.catalogue.paging import PagingConfig
from domain.errors import Refused, UsageError
from domain.facts import Answer
from domain.paging.messages import PageCard
from domain.paging.pages import Page, PageRequest
from domain.people import Role
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Code, CommandMention, join, sentence
from domain.severities import Severity
from domain.text import join_and, nearest
from runbooks.paging.rehearsal import RehearsalService
from runbooks.paging.service import PagingService

router = Router()

DEFAULT_SEVERITY = Severity.P1
_PAGE_ID = re.compile(r"p[gb]-[a-z0-9]{1,40}")


@router.command(
    "page",
    needs=Role.RESPONDER,
    usage="<whom> <reason…> [--severity P1]",
    example="page platform checkout needs a database administrator",
    group="Paging",
    form_title="Page somebody",
)
async def page_command(request: Request, args: Arguments) -> Answer:
    """Call the on-call person of a team, or one person, by every way of the policy until somebody acknowledges."""
    paging, severity = _paging(request), _severity(args)
    team, whom = _target(request, args)
    page = await request.services.of(PagingService).page(
        PageRequest(
            subject=f"ask-{request.key}",
            kind="asked",
            severity=severity,
            team=team,
            title=args.rest(1),
            lines=(sentence("asked for by ", request.person),),
            whom=whom,
            asked_by=request.person,
            channel=request.channel,
        ),
        request.member,
        request.key,
    )
    policy = paging.policy_of(team, severity)
    steps = len(policy.steps) if policy else 0
    called = whom[0].removeprefix("person:") if whom else f"whoever is on call for {team}"
    further = f" Without an answer {steps - 1} more steps of the {severity} policy follow." if steps > 1 else ""
    show = CommandMention(f"page show {page.id}")
    return TextAnswer(sentence(f"{page.id}: calling {called} now.{further} The card shows each attempt; so does ", show, "."))


@router.command("page show", needs=Role.VIEWER, usage="<page>", example="page show pg-k7m2", group="Paging")
async def show_command(request: Request, args: Arguments) -> Answer:
    """One page: its state, and each attempt to reach somebody."""
    page, messages = await request.services.of(PagingService).find(parse_page_id(args[0]), request.member)
    _check_visible(request, page)
    return PageAnswer(PageCard(page=page, messages=messages))


@router.command(
    "page test",
    needs=Role.RESPONDER,
    usage="[team]",
    example="page test platform",
    group="Paging",
    form_title="Rehearse a page",
    audit_action="page test",
)
async def test_command(request: Request, args: Arguments) -> Answer:
    """Rehearse the whole chain: the person on call gets a message marked TEST by every way, and acknowledges it."""
    paging = _paging(request)
    if paging.test is None:
        raise Refused("The catalogue has no paging.test, which says where a rehearsal reports. Nobody was called.")
    team = _team(request, args[0]) if args[0] else request.catalogue.team_of("")
    page = await request.services.of(RehearsalService).start(team, request.key, request.member)
    minutes = f"{paging.test.answer_minutes:g} min"
    return TextAnswer(f"{page.id}: rehearsing. Whoever is on call for {team} has {minutes} to acknowledge; the card reports.")


async def acknowledge_page(request: Request, word: str) -> Answer:
    """Acknowledge a page, or all pages that one message announced. For the command ``ack``."""
    pages = await request.services.of(PagingService).acknowledge(parse_page_id(word), request.member, request.key)
    open_ones = [page for page in pages if page.state.is_waiting]
    if open_ones:
        return TextAnswer("You confirmed. Everybody who was called has to confirm; the others are still called.")
    what = join_and([page.subject for page in pages[:5]])
    more = f" and {len(pages) - 5} more" if len(pages) > 5 else ""
    return TextAnswer(f"You have it: {what}{more}. Nobody else is called.")


def parse_page_id(word: str) -> str:
    """Parse ``pg-k7m2`` or ``pb-k7m2``, in any case. Raises ``UsageError``."""
    name = word.lower()
    if not _PAGE_ID.fullmatch(name):
        hint = sentence("They look like ", Code("pg-k7m2"), "; the message that called you has it.")
        raise UsageError(f"“{word[:40]}” is not the id of a page.", hint)
    return name


def _paging(request: Request) -> PagingConfig:
    if request.catalogue.paging is None:
        raise Refused(f"The catalogue says nothing of paging, so nobody can be called from here. {NOTHING_CHANGED}")
    return request.catalogue.paging


def _severity(args: Arguments) -> Severity:
    word = args.flags.get("severity", DEFAULT_SEVERITY.value).upper()
    if word not in [each.value for each in Severity]:
        raise UsageError(f"“{word[:20]}” is no severity.", f"There are {join_and([each.value for each in Severity])}.")
    return Severity(word)


def _target(request: Request, args: Arguments) -> tuple[str, tuple[str, ...]]:
    """The team whose policy is followed, and whom its first step calls: nobody in particular for a team."""
    catalogue = request.catalogue
    user_id = args.mentions.get(args[0].removeprefix("@"), args.mentions.get(args[0], ""))
    names = [name for name, person in catalogue.people.items() if person.slack == user_id]
    name = names[0] if names else args[0].lower().removeprefix("@")
    if name in catalogue.people or user_id:
        teams = [team for team, config in catalogue.oncall.items() if name in config.members]
        return (teams or [catalogue.team_of("")])[0], (f"person:{name if name in catalogue.people else user_id}",)
    return _team(request, args[0]), ()


def _team(request: Request, word: str) -> str:
    catalogue, name = request.catalogue, word.lower().removeprefix("@")
    if name in catalogue.oncall:
        return name
    known = [*catalogue.oncall, *catalogue.people]
    close = nearest(name, known)
    hint = sentence("Did you mean ", join(" or ", map(Code, close)), "?") if close else f"There are {join_and(known) or 'none'}."
    raise UsageError(f"“{word[:40]}” is neither a team nor a person of the catalogue.", hint)


def _check_visible(request: Request, page: Page) -> None:
    environment = page.request.environment
    if environment in request.catalogue.environments:
        request.require(Role.VIEWER, environment)
