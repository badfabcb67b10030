"""The commands ``oncall`` and ``oncall week``."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.oncall.lookup import own_name, require_oncall, team_named, time_typed
from domain.answers.oncall import LayerLine, NamedPerson, OnCallAnswer, TeamOnCall, WeekAnswer, WeekLine
from domain.catalogue.catalogue import Catalogue
from domain.facts import Answer
from domain.oncall.schedule import Roster, assignments, gaps, known_until, next_changes, shifts
from domain.people import Person, Role
from domain.rich_text import Text, Timestamp, sentence
from domain.text import format_duration
from domain.wall_clock import instant_of, local_time, wall_clock
from storage.oncall import OncallRepository

router = Router()

WEEK = timedelta(days=7)
STALE_AFTER = timedelta(minutes=15)
"""An answer of PagerDuty that is older is said to be."""


@router.command("oncall", needs=Role.VIEWER, usage="[team] [--at …]", example="oncall platform --at Mon 9:00", group="On call")
async def oncall_command(request: Request, args: Arguments) -> Answer:
    """Who is on call, until when, and who is next; now or at a time, which is read on your clock."""
    require_oncall(request)
    teams = [team_named(request, args[0])] if args[0] else list(request.catalogue.oncall)
    at = time_typed(request, args.flags["at"]) if "at" in args.flags else request.at
    rosters = [await _roster(request, team) for team in teams]
    answers = tuple(describe_team(request.catalogue, roster, at, request.at) for roster in rosters)
    is_now = "at" not in args.flags
    return OnCallAnswer(teams=answers, at=at, is_now=is_now, can_take=_can_take(request, rosters, at) if is_now else "")


@router.command("oncall week", needs=Role.VIEWER, usage="[team] [--at …]", example="oncall week platform", group="On call")
async def week_command(request: Request, args: Arguments) -> Answer:
    """Who is on call when in the next seven days, overrides included, and when nobody is."""
    team = team_named(request, args[0])
    roster = await _roster(request, team)
    at = time_typed(request, args.flags["at"]) if "at" in args.flags else request.at
    zone = ZoneInfo(roster.config.zone)
    since = instant_of(wall_clock(local_time(at, zone).date(), 0), zone)
    until = min(instant_of(wall_clock(local_time(at, zone).date() + WEEK, 0), zone), known_until(roster, max(at, request.at)))
    lines = {layer: _week_lines(request.catalogue, roster, layer, since, until) for layer in roster.config.layer_names}
    return WeekAnswer(
        team=team,
        zone=roster.config.zone,
        since=since,
        until=until,
        layers=lines if until > since else {},
        gaps=tuple(gap for gap in gaps(roster, since, until) if gap.ends > request.at) if until > since else (),
        note=source_note(roster, request.at),
    )


def describe_team(catalogue: Catalogue, roster: Roster, at: datetime, now: datetime) -> TeamOnCall:
    """Who is on call for a team at an instant, until when, and who is next."""
    untils = next_changes(roster, at)
    overrides = {override.id: override for override in roster.overrides}
    layers = tuple(
        LayerLine(
            layer=each.layer,
            people=named_people(catalogue, each.people),
            until=untils[each.layer],
            next_people=_next_people(catalogue, roster, each.layer, untils[each.layer]),
            overrides=tuple(overrides[name] for name in each.overrides),
        )
        for each in assignments(roster, at)
    )
    is_unknown = bool(roster.config.pagerduty) and not (now <= at < known_until(roster, now))
    note = source_note(roster, now)
    return TeamOnCall(team=roster.team, zone=roster.config.zone, layers=layers, note=note, is_unknown=is_unknown)


def named_people(catalogue: Catalogue, names: tuple[str, ...]) -> tuple[NamedPerson, ...]:
    """The people with their accounts, where the catalogue has them."""
    known = catalogue.people
    return tuple(
        NamedPerson(name, Person(known[name].slack, catalogue.workspaces[0]) if name in known else None) for name in names
    )


def source_note(roster: Roster, now: datetime) -> Text:
    """Where it is known from, if not from the catalogue, and how old that is."""
    if not roster.config.pagerduty:
        return ""
    read_at = roster.remote.read_at if roster.remote else None
    if read_at is None:
        return "PagerDuty, which has the schedules, was not reached yet."
    age = now - read_at
    if age < STALE_AFTER:
        return sentence("As PagerDuty said at ", Timestamp(read_at), ".")
    return sentence("PagerDuty does not answer; as it said ", format_duration(age), " ago, at ", Timestamp(read_at), ".")


def _next_people(catalogue: Catalogue, roster: Roster, layer: str, until: datetime | None) -> tuple[NamedPerson, ...]:
    if until is None:
        return ()
    return next((named_people(catalogue, each.people) for each in assignments(roster, until) if each.layer == layer), ())


def _week_lines(catalogue: Catalogue, roster: Roster, layer: str, since: datetime, until: datetime) -> tuple[WeekLine, ...]:
    if until <= since:
        return ()
    return tuple(
        WeekLine(each.starts, each.ends, named_people(catalogue, each.assignment.people), bool(each.assignment.overrides))
        for each in shifts(roster, since, until)[layer]
    )


def _can_take(request: Request, rosters: list[Roster], at: datetime) -> str:
    """The one team whose pager the person may take, because somebody else of their rotation has it."""
    name = own_name(request)
    teams = [
        roster.team
        for roster in rosters
        if name in roster.config.members
        and not roster.config.pagerduty
        and name not in {each for layer in assignments(roster, at)[:1] for each in layer.people}
    ]
    return teams[0] if len(teams) == 1 else ""


async def _roster(request: Request, team: str) -> Roster:
    async with request.services.store.read() as tx:
        return await tx.of(OncallRepository).roster(request.catalogue, team, request.at)
