"""Who is on call. ``assignments`` is the one answer: preview, page target, notices, user groups and calendars come from it."""

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

from domain.catalogue.oncall import LayerConfig, TeamConfig
from domain.oncall.overrides import Override
from domain.oncall.remote import RemoteSchedule
from domain.oncall.turns import person_of_turn, turn_at, turn_begins
from domain.oncall.windows import is_open, window_edges

HORIZON = timedelta(days=90)
"""How far it is looked ahead for a change. PagerDuty tells no more either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Everything that decides who is on call for a team. ``people`` are the names that the catalogue knows.

    ``overrides`` may be in any order; those of other teams and of unknown people are left out. ``remote`` is what PagerDuty
    answered last, for a team whose schedules are there.
    """

    team: str
    config: TeamConfig
    people: Collection[str]
    overrides: tuple[Override, ...] = ()
    remote: RemoteSchedule | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who is on call in one layer. A rotation has one person at most; a schedule of PagerDuty may have several.

    ``overrides`` are the ids of those that changed it.
    """

    layer: str
    people: tuple[str, ...]
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """A time during which nothing changes in a layer. Consecutive shifts of a layer abut; ``people`` are empty in a gap."""

    starts: datetime
    ends: datetime
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which somebody has to be on call for the team, and nobody is."""

    starts: datetime
    ends: datetime


def assignments(roster: Roster, at: datetime) -> tuple[Assignment, ...]:
    """Who is on call for the team at an instant, a layer each, in the order in which they are paged."""
    if roster.config.pagerduty:
        remote = roster.remote or RemoteSchedule()
        return tuple(Assignment(layer, remote.on_call(layer, at)) for layer in roster.config.layer_names)
    return tuple(
        _overridden(roster, Assignment(layer.name, _of_rotation(roster, layer, at)), at) for layer in roster.config.layers
    )


def on_call(roster: Roster, at: datetime) -> tuple[str, ...]:
    """The names of everybody who is on call for the team, each once, the first to be paged first."""
    return tuple(dict.fromkeys(name for assignment in assignments(roster, at) for name in assignment.people))


def next_changes(roster: Roster, at: datetime) -> dict[str, datetime | None]:
    """For each layer the next instant at which it has other people; None if none is in sight."""
    now = {each.layer: each.people for each in assignments(roster, at)}
    found: dict[str, datetime | None] = dict.fromkeys(now)
    for instant in _candidates(roster, at, known_until(roster, at)):
        for each in assignments(roster, instant):
            if found[each.layer] is None and each.people != now[each.layer]:
                found[each.layer] = instant
        if None not in found.values():
            break
    return found


def next_change(roster: Roster, at: datetime) -> datetime | None:
    """The next instant at which ``assignments`` gives other people in any layer; None if none is in sight."""
    return min(filter(None, next_changes(roster, at).values()), default=None)


def known_until(roster: Roster, at: datetime) -> datetime:
    """How far the answers reach. Beyond what PagerDuty told nobody knows: that is no gap, and takes no shift from anybody."""
    horizon = at + HORIZON
    if not roster.config.pagerduty:
        return horizon
    told_until = roster.remote.complete_until if roster.remote else None
    return max(at, min(horizon, told_until)) if told_until else at


def shifts(roster: Roster, since: datetime, until: datetime) -> dict[str, tuple[Shift, ...]]:
    """The shifts of each layer between two instants. The first begins at ``since``, the last ends at ``until``."""
    instants = [since, *_candidates(roster, since, until), until]
    answers = [(begin, end, assignments(roster, begin)) for begin, end in pairwise(instants)]
    return {
        layer: _merged(Shift(begin, end, answer[place]) for begin, end, answer in answers)
        for place, layer in enumerate(roster.config.layer_names)
    }


def gaps(roster: Roster, since: datetime, until: datetime) -> tuple[Gap, ...]:
    """The times between two instants in which somebody has to be on call and nobody is."""
    zone = ZoneInfo(roster.config.zone)
    edges = {edge for edge in window_edges(roster.config.coverage, zone, since, until) if since < edge < until}
    instants = sorted({since, until, *edges, *_candidates(roster, since, until)})
    uncovered = [
        (begin, end, is_open(roster.config.coverage, zone, begin) and not on_call(roster, begin))
        for begin, end in pairwise(instants)
    ]
    merged = [list(run) for is_gap, run in groupby(uncovered, key=lambda each: each[2]) if is_gap]
    return tuple(Gap(run[0][0], run[-1][1]) for run in merged)


def _of_rotation(roster: Roster, layer: LayerConfig, at: datetime) -> tuple[str, ...]:
    zone = layer_zone(roster.config, layer)
    turn = turn_at(layer, zone, at)
    return (person_of_turn(layer, turn),) if turn is not None and is_open(layer.restrictions, zone, at) else ()


def layer_zone(team: TeamConfig, layer: LayerConfig) -> ZoneInfo:
    """The zone of a rotation's wall clock."""
    return ZoneInfo(layer.zone or team.zone)


def _overridden(roster: Roster, assignment: Assignment, at: datetime) -> Assignment:
    for override in _overrides_of(roster, assignment.layer):
        people = override.apply(assignment.people, at)
        if people != assignment.people:
            assignment = replace(assignment, people=people, overrides=(*assignment.overrides, override.id))
    return assignment


def _overrides_of(roster: Roster, layer: str) -> list[Override]:
    """The overrides of a layer, in the order in which they are applied."""
    those = (
        each for each in roster.overrides if (each.team, each.layer) == (roster.team, layer) and each.person in roster.people
    )
    return sorted(those, key=lambda each: (each.made_at, each.id))


def _candidates(roster: Roster, since: datetime, until: datetime) -> Iterator[datetime]:
    """Every instant between two at which an answer may change, in order: between two of them none does."""
    streams: list[Iterable[datetime]] = [sorted(_override_edges(roster))]
    if roster.remote is not None:
        streams.append(roster.remote.edges())
    streams += [_layer_edges(roster.config, layer, since, until) for layer in roster.config.layers]
    last = since
    for instant in heapq.merge(*streams):
        if instant >= until:
            return
        if instant > last:
            yield instant
            last = instant


def _override_edges(roster: Roster) -> Iterator[datetime]:
    for override in roster.overrides:
        if override.team == roster.team:
            yield from (override.starts, override.ends)


def _layer_edges(team: TeamConfig, layer: LayerConfig, since: datetime, until: datetime) -> Iterator[datetime]:
    zone = layer_zone(team, layer)
    windows = sorted(window_edges(layer.restrictions, zone, since, until)) if layer.restrictions else ()
    return heapq.merge(windows, _handoffs(layer, zone, since, until))


def _handoffs(layer: LayerConfig, zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[datetime]:
    turn = turn_at(layer, zone, since)
    number = 0 if turn is None else turn + 1
    while (begins := turn_begins(layer, zone, number)) < until:
        yield begins
        number += 1


def _merged(parts: Iterable[Shift]) -> tuple[Shift, ...]:
    """Join neighbours in which nothing differs."""
    merged: list[Shift] = []
    for part in parts:
        if merged and merged[-1].assignment == part.assignment:
            merged[-1] = replace(merged[-1], ends=part.ends)
        else:
            merged.append(part)
    return tuple(merged)
