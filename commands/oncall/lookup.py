"""Which team, layer, person and time the words of a command mean, and whether the person may."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from commands.core.arguments import Arguments
from commands.core.request import Request
from domain.catalogue.oncall import TeamConfig
from domain.errors import Denied, Refused, TemporaryError, UsageError
from domain.oncall.overrides import Override
from domain.people import Person, Role
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Code, CommandMention, Text, join, sentence
from domain.text import nearest
from domain.typed_times import parse_time, zone_named
from runbooks.oncall.changes import OncallRequest

ME = "me"


def require_oncall(request: Request) -> None:
    """Raise ``Refused`` where the catalogue has no teams."""
    if not request.catalogue.oncall:
        raise Refused(
            sentence(
                "The catalogue says nothing of who is on call. It needs the sections ",
                Code("people"),
                " and ",
                Code("oncall"),
                ".",
            )
        )


def own_name(request: Request) -> str:
    """The name of the person who asks; empty if the catalogue does not have them."""
    accounts = request.member.user_ids
    return next((name for name, person in request.catalogue.people.items() if person.slack in accounts), "")


def team_named(request: Request, word: str) -> str:
    """The team that a word names. Without one, the person's own, or the only one. Raises ``UsageError``, ``Refused``."""
    require_oncall(request)
    teams = request.catalogue.oncall
    if word:
        return _find("team", word, teams)
    name = own_name(request)
    own = [team for team, config in teams.items() if name and name in config.members] or list(teams)
    if len(own) > 1:
        raise UsageError("Of which team?", sentence("Add ", join(" or ", [Code(f"--team {team}") for team in own]), "."))
    return own[0]


def layer_named(config: TeamConfig, word: str) -> str:
    """The layer that a word names; without one, the first. Raises ``UsageError``."""
    return _find("layer", word, config.layer_names) if word else config.layer_names[0]


def person_named(request: Request, args: Arguments, word: str) -> str:
    """The name of a person who was mentioned or named; ``me`` is who asks. Raises ``UsageError``."""
    people = request.catalogue.people
    if word.lower() == ME:
        return own_name_required(request)
    account = args.mentions.get(word, word)
    known = {person.slack: name for name, person in people.items()}
    if account in known:
        return known[account]
    name = word.removeprefix("@").lower()
    if name in people:
        return name
    if word in args.mentions:
        hint = sentence("The catalogue's section ", Code("people"), " names those who can be paged.")
        raise UsageError(sentence(Person(account, request.person.team_id), " is not among the people of the catalogue."), hint)
    return _find("person", name, people)


def own_name_required(request: Request) -> str:
    """The name of the person who asks. Raises ``Denied`` if the catalogue does not have them."""
    if name := own_name(request):
        return name
    what = "You are not among the people of the catalogue, so you cannot be on call. "
    raise Denied(sentence(what, NOTHING_CHANGED, " Ask for an entry under ", Code("people"), "."))


def member_name(request: Request, team: str) -> str:
    """The name of the person who asks. Raises ``Denied`` if they are not in the team's rotations."""
    name, members = own_name_required(request), request.catalogue.oncall[team].members
    if name not in members:
        raise Denied(f"You are in no rotation of {team}: {', '.join(members)} are. {NOTHING_CHANGED}")
    return name


def require_changer(request: Request, team: str) -> None:
    """Raise ``Denied`` unless the person is in the team's rotations or its lead, or an sre."""
    if own_name(request) not in request.catalogue.oncall[team].members and not _is_sre(request):
        raise Denied(f"Overrides of {team} are for those in its rotations, its lead, and the role sre. {NOTHING_CHANGED}")


def may_undo(request: Request, override: Override) -> bool:
    """Those two, who made it, the lead, an sre; where it replaced whoever was on call, anybody of the rotation."""
    config, name = request.catalogue.oncall[override.team], own_name(request)
    involved = {override.person, override.replaces, config.lead} - {""}
    is_maker = override.made_by.user_id in request.member.user_ids
    is_member = not override.replaces and name in config.members
    return is_maker or bool(name and name in involved) or is_member or _is_sre(request)


def time_typed(request: Request, text: str) -> datetime:
    """The instant that the writer means, on the clock of their Slack profile. Raises ``UsageError``."""
    return parse_time(text, writer_zone(request), request.at)


def writer_zone(request: Request) -> ZoneInfo:
    """The zone of the writer's Slack profile."""
    return zone_named(request.member.time_zone)


async def zones_of(request: Request, team: str, names: Iterable[str]) -> dict[str, ZoneInfo]:
    """Whose clocks an answer shows, by whose they are: the writer's, the rota's, those of other people. Equal ones once.

    People whose profile Slack does not give now are left out: the times are right without them.
    """
    zones = {"yours": writer_zone(request), "rota": ZoneInfo(request.catalogue.oncall[team].zone)}
    for name in names:
        if name not in request.catalogue.people:
            continue
        person = Person(request.catalogue.people[name].slack, request.catalogue.workspaces[0])
        try:
            member = await request.services.directory.member(person)
        except TemporaryError:
            continue
        zones.setdefault(f"{name}'s", zone_named(member.time_zone))
    return zones


def request_of(request: Request, args: Arguments) -> OncallRequest:
    """The request as the service takes it."""
    return OncallRequest(by=request.person, name=own_name(request), source=request.key, reason=args.reason)


def _is_sre(request: Request) -> bool:
    return any(request.catalogue.has_role(request.member, Role.SRE, name) for name in request.catalogue.environments)


def _find(kind: str, word: str, known: Iterable[str]) -> str:
    names = list(known)
    if word.lower() in names:
        return word.lower()
    close = nearest(word[:40], names)
    hint: Text = sentence("Did you mean ", join(" or ", map(Code, close)), "?") if close else f"There are {', '.join(names)}."
    raise UsageError(f"There is no {kind} called “{word[:40]}”.", hint)


def week_hint(team: str) -> Text:
    """The command that shows who is when."""
    return sentence(CommandMention(f"oncall week {team}"), " shows who is when.")
