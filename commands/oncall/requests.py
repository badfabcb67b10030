"""The commands ``oncall cover`` and ``oncall swap``, and the answers to them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.oncall.change import period_typed
from commands.oncall.lookup import (
    layer_named,
    member_name,
    own_name_required,
    person_named,
    request_of,
    team_named,
    time_typed,
    week_hint,
    zones_of,
)
from domain.answers.answers import TextAnswer
from domain.answers.oncall import OverrideAnswer
from domain.errors import Denied, Refused, UsageError
from domain.facts import Answer
from domain.oncall.cover_requests import CoverRequest, Period, RequestState
from domain.oncall.echo import echo
from domain.oncall.personal import PersonalShift, personal_shifts
from domain.oncall.schedule import Roster, known_until
from domain.people import Role
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import ChannelMention, Text, sentence
from runbooks.oncall.messages import account, named
from runbooks.oncall.service import OncallService

router = Router()


@dataclass(frozen=True, slots=True)
class _OwnLayer:
    """The team and layer in which the person who asks has shifts, with their name there."""

    team: str
    name: str
    layer: str
    roster: Roster


@router.command(
    "oncall cover",
    needs=Role.VIEWER,
    usage="[--from …] [--to …] [--team team] [--layer layer] [--reason …]",
    example="oncall cover --from tomorrow 18:00 --to tomorrow 22:00 --reason school play",
    group="On call",
    audit_action="oncall-cover",
)
async def cover_command(request: Request, args: Arguments) -> Answer:
    """Ask the others of your rotation to take your shift, or a part of it. Who says yes first has it, and both are told."""
    own = await _own_layer(request, args)
    team, name, layer, roster = own.team, own.name, own.layer, own.roster
    if args.flags.keys() & {"from", "to"}:
        period = period_typed(request, args, roster, layer)
    else:
        shift = _shift_at(_shifts_of(roster, name, layer, request.at), request.at, name, team)
        period = Period(shift.starts, shift.ends)
    channel = request.catalogue.oncall[team].channel or request.channel
    asked = await _ask(request, args, _question(request, own, args, period, channel))
    lines = await _period_lines(request, team, [name], "Your shift", period)
    where = sentence("The question is in ", ChannelMention(channel), "; until somebody says yes, you are on call.")
    return OverrideAnswer(
        title=sentence(f"{asked.id} asks for somebody to take your pager of {team} ({layer})."), lines=(*lines, where)
    )


@router.command(
    "oncall swap",
    needs=Role.VIEWER,
    usage="<who> [--mine …] [--theirs …] [--team team] [--layer layer] [--reason …]",
    example="oncall swap @bob --mine Mon 9:00 --theirs 7 Dec 9:00",
    group="On call",
    form_title="Swap shifts",
    audit_action="oncall-swap",
)
async def swap_command(request: Request, args: Arguments) -> Answer:
    """Offer one person your shift for one of theirs: the next ones, or those at or after the times. They say yes or no."""
    own = await _own_layer(request, args)
    team, name, layer, roster = own.team, own.name, own.layer, own.roster
    other = person_named(request, args, args[0])
    if other == name:
        raise UsageError("That is you. A swap needs somebody else.", week_hint(team))
    mine_at = time_typed(request, args.flags["mine"]) if "mine" in args.flags else request.at
    mine = _shift_at(_shifts_of(roster, name, layer, request.at), mine_at, name, team)
    theirs_at = time_typed(request, args.flags["theirs"]) if "theirs" in args.flags else request.at
    theirs = _shift_at(
        [each for each in _shifts_of(roster, other, layer, request.at) if not each.has_begun], theirs_at, other, team
    )
    person = account(request.catalogue, other)
    question = _question(request, own, args, Period(mine.starts, mine.ends), person.user_id if person else request.channel)
    wanted = replace(question, wanted=other, in_return=Period(theirs.starts, theirs.ends))
    asked = await _ask(request, args, wanted)
    lines = (
        *await _period_lines(request, team, [name, other], "Your shift", wanted.period),
        *await _period_lines(request, team, [name, other], "Theirs", Period(theirs.starts, theirs.ends)),
    )
    title = sentence(
        f"{asked.id} asks ",
        named(request.catalogue, other),
        f" to swap shifts of {team} ({layer}). Until they say yes, nothing changes.",
    )
    return OverrideAnswer(title=title, lines=lines)


@router.command(
    "oncall accept",
    needs=Role.VIEWER,
    usage="<id>",
    example="oncall accept oc-k7m2",
    group="On call",
    audit_action="oncall-accept",
)
async def accept_command(request: Request, args: Arguments) -> Answer:
    """Say yes to a request for cover or to a swap."""
    found, _ = await _respond(request, args, RequestState.ACCEPTED)
    lines = await _period_lines(request, found.team, [found.asked_by], "Yours now", found.period)
    if found.in_return:
        lines = (*lines, *await _period_lines(request, found.team, [found.asked_by], f"{found.asked_by}'s now", found.in_return))
    title = sentence(
        "You relieve ", named(request.catalogue, found.asked_by), f" in {found.team} ({found.layer}). They are told."
    )
    return OverrideAnswer(title=title, lines=lines, undo=found.id)


@router.command(
    "oncall decline",
    needs=Role.VIEWER,
    usage="<id>",
    example="oncall decline oc-k7m2",
    group="On call",
    audit_action="oncall-decline",
)
async def decline_command(request: Request, args: Arguments) -> Answer:
    """Say no to a swap. Nothing changes."""
    found, _ = await _respond(request, args, RequestState.DECLINED)
    return TextAnswer(
        sentence(f"You declined {found.id}. ", named(request.catalogue, found.asked_by), " keeps the shift, and is told.")
    )


@router.command(
    "oncall withdraw",
    needs=Role.VIEWER,
    usage="<id>",
    example="oncall withdraw oc-k7m2",
    group="On call",
    audit_action="oncall-withdraw",
)
async def withdraw_command(request: Request, args: Arguments) -> Answer:
    """Take back your own question, before somebody says yes."""
    found, _ = await _respond(request, args, RequestState.WITHDRAWN)
    return TextAnswer(f"{found.id} is withdrawn. You are on call as planned.")


async def _own_layer(request: Request, args: Arguments) -> _OwnLayer:
    """What a request about one's own shifts is about."""
    team = team_named(request, args.flags.get("team", ""))
    name = member_name(request, team)
    roster = await request.services.of(OncallService).roster(team)
    if "layer" in args.flags:
        return _OwnLayer(team, name, layer_named(roster.config, args.flags["layer"]), roster)
    shifts = [each for each in personal_shifts(roster, request.at, known_until(roster, request.at)) if each.person == name]
    return _OwnLayer(team, name, shifts[0].layer if shifts else layer_named(roster.config, ""), roster)


def _question(request: Request, own: _OwnLayer, args: Arguments, period: Period, channel: str) -> CoverRequest:
    """A question to everybody of the rotation. Its id is given when it is stored."""
    return CoverRequest(
        id="",
        team=own.team,
        layer=own.layer,
        asked_by=own.name,
        period=period,
        made_by=request.person,
        made_at=request.at,
        reason=args.reason,
        channel=channel,
    )


async def _ask(request: Request, args: Arguments, wanted: CoverRequest) -> CoverRequest:
    return await request.services.of(OncallService).ask(request_of(request, args), wanted)


async def _respond(request: Request, args: Arguments, state: RequestState) -> tuple[CoverRequest, object]:
    name = own_name_required(request)

    def check(found: CoverRequest) -> None:
        members = request.catalogue.oncall[found.team].members if found.team in request.catalogue.oncall else ()
        if name not in members and name != found.wanted:
            raise Denied(f"{found.id} is for the rotation of {found.team}: {', '.join(members)}. {NOTHING_CHANGED}")

    return await request.services.of(OncallService).respond(request_of(request, args), args[0].lower(), state, check)


def _shifts_of(roster: Roster, name: str, layer: str, at: datetime) -> list[PersonalShift]:
    shifts = personal_shifts(roster, at, known_until(roster, at))
    return [each for each in shifts if (each.person, each.layer) == (name, layer)]


def _shift_at(shifts: Iterable[PersonalShift], at: datetime, name: str, team: str) -> PersonalShift:
    """The shift at a time, or the next one. Raises ``Refused``."""
    found = next((each for each in shifts if each.ends > at), None)
    if found is None:
        raise Refused(sentence(f"{name} has no such shift in the next 90 days. {NOTHING_CHANGED} ", week_hint(team)))
    return found


async def _period_lines(request: Request, team: str, names: Iterable[str], heading: str, period: Period) -> tuple[Text, ...]:
    zones = await zones_of(request, team, names)
    return (f"{heading}: from {echo(period.starts, zones)}", f"until {echo(period.ends, zones)}")
