"""The commands ``oncall override``, ``oncall take`` and ``oncall undo``."""

from datetime import datetime

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.oncall.lookup import (
    layer_named,
    may_undo,
    member_name,
    person_named,
    request_of,
    require_changer,
    team_named,
    time_typed,
    zones_of,
)
from domain.answers.oncall import OverrideAnswer
from domain.errors import UsageError
from domain.facts import Answer
from domain.oncall.cover_requests import Period
from domain.oncall.echo import echo
from domain.oncall.effects import Replacement
from domain.oncall.schedule import Roster, next_changes
from domain.people import Role
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Code, Text, sentence
from domain.text import join_and
from runbooks.oncall.changes import Changed, Wish
from runbooks.oncall.messages import named
from runbooks.oncall.service import OncallService

router = Router()

MAX_PARTS_SHOWN = 8


@router.command(
    "oncall override",
    needs=Role.RESPONDER,
    usage="<who> [--from …] [--to …] [--instead-of person] [--team team] [--layer layer] [--fill] [--reason …]",
    example="oncall override @bob --from tomorrow 18:00 --to Mon 9:00",
    group="On call",
    form_title="Override who is on call",
    audit_action="oncall-override",
)
async def override_command(request: Request, args: Arguments) -> Answer:
    """Put somebody on call instead of whoever is, from now or a time on your clock until a time or the next handoff."""
    team = team_named(request, args.flags.get("team", ""))
    require_changer(request, team)
    service = request.services.of(OncallService)
    layer = layer_named(request.catalogue.oncall[team], args.flags.get("layer", ""))
    wish = Wish(
        team=team,
        layer=layer,
        person=person_named(request, args, args[0]),
        replaces=person_named(request, args, args.flags["instead-of"]) if "instead-of" in args.flags else "",
        period=period_typed(request, args, await service.roster(team), layer),
        fills_gaps="fill" in args.flags,
    )
    changed = await service.override(request_of(request, args), wish)
    return await _made(request, changed)


@router.command(
    "oncall take",
    needs=Role.VIEWER,
    usage="[team] [--layer layer] [--reason …]",
    example="oncall take platform",
    group="On call",
    audit_action="oncall-take",
)
async def take_command(request: Request, args: Arguments) -> Answer:
    """Take the pager from whoever has it, until the next handoff. For anybody of the rotation; both are told."""
    team = team_named(request, args[0])
    member_name(request, team)
    layer = layer_named(request.catalogue.oncall[team], args.flags["layer"]) if "layer" in args.flags else ""
    return await _made(request, await request.services.of(OncallService).take(request_of(request, args), team, layer))


@router.command(
    "oncall undo", needs=Role.VIEWER, usage="<id>", example="oncall undo oc-k7m2", group="On call", audit_action="oncall-undo"
)
async def undo_command(request: Request, args: Arguments) -> Answer:
    """Take back an override, a cover or a swap. Who it concerned is told."""
    undone = await request.services.of(OncallService).undo(
        request_of(request, args), args[0].lower(), lambda override: may_undo(request, override)
    )
    lines: list[Text] = []
    for changed in undone:
        lines += await _lines(request, changed, is_undone=True)
    return OverrideAnswer(title=sentence(Code(args[0].lower()), " is taken back."), lines=tuple(lines))


def period_typed(request: Request, args: Arguments, roster: Roster, layer: str) -> Period:
    """From ``--from``, or now, until ``--to``, or the next handoff after that. Raises ``UsageError``."""
    starts = time_typed(request, args.flags["from"]) if "from" in args.flags else request.at
    ends = time_typed(request, args.flags["to"]) if "to" in args.flags else _next_handoff(roster, layer, starts)
    if ends <= starts:
        raise UsageError(
            f"It would end before it begins. {NOTHING_CHANGED}",
            sentence("A day goes before the time: ", Code("--to tomorrow 9:00"), "."),
        )
    if ends <= request.at:
        raise UsageError(f"That time is over. {NOTHING_CHANGED}", "What was on call stays as it was.")
    return Period(starts, ends)


def _next_handoff(roster: Roster, layer: str, starts: datetime) -> datetime:
    ends = next_changes(roster, starts)[layer]
    if ends is None:
        raise UsageError("No handoff is in sight.", sentence("Say until when, with ", Code("--to"), "."))
    return ends


async def _made(request: Request, changed: Changed) -> OverrideAnswer:
    override, catalogue = changed.override, request.catalogue
    before = tuple(dict.fromkeys(name for each in changed.effect for name in each.before))
    instead = sentence(" instead of ", *_joined([named(catalogue, name) for name in before])) if before else ", where nobody was"
    title = sentence(named(catalogue, override.person), f" is on call for {override.team} ({override.layer})", instead, ".")
    return OverrideAnswer(title=title, lines=await _lines(request, changed), undo=override.id)


async def _lines(request: Request, changed: Changed, *, is_undone: bool = False) -> tuple[Text, ...]:
    """The times of an override on everybody's clock, and each part in which it replaces somebody else."""
    override, effect = changed.override, changed.effect
    names = dict.fromkeys(
        [override.person, *(name for each in effect for name in each.before if name in request.catalogue.people)]
    )
    zones = await zones_of(request, override.team, names)
    times = (f"From {echo(override.starts, zones)}", f"Until {echo(override.ends, zones)}")
    parts = [_part(each, is_undone=is_undone) for each in effect[:MAX_PARTS_SHOWN]]
    is_whole = len(effect) == 1 and (effect[0].starts, effect[0].ends) == (override.starts, override.ends) and not is_undone
    more = [f"and {len(effect) - MAX_PARTS_SHOWN} times more"] if len(effect) > MAX_PARTS_SHOWN else []
    return (*times, *([] if is_whole else [*parts, *more]))


def _part(part: Replacement, *, is_undone: bool) -> str:
    on_call, other = (part.before, part.after) if is_undone else (part.after, part.before)
    whom = f"{join_and(on_call) or 'nobody'} instead of {join_and(other) or 'nobody'}"
    return f"{part.starts:%a %d %b %H:%M} to {part.ends:%a %d %b %H:%M} UTC: {whom}"


def _joined(people: list[Text]) -> list[Text]:
    return [part for number, person in enumerate(people) for part in ((", ", person) if number else (person,))]
