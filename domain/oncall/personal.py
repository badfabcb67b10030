"""The shifts of one person, and what a change of the roster does to them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from domain.oncall.schedule import Roster, Shift, shifts


@dataclass(frozen=True, slots=True, order=True)
class PersonalShift:
    """One person is on call in a layer, without a break. ``has_begun``: it began before the time that was looked at."""

    starts: datetime
    ends: datetime
    person: str
    layer: str
    has_begun: bool = False


def personal_shifts(roster: Roster, since: datetime, until: datetime) -> tuple[PersonalShift, ...]:
    """Everybody's shifts between two instants, cut to them, in their order. An override in between is no break."""
    lines = shifts(roster, since, until)
    return tuple(
        sorted(
            shift
            for layer, line in lines.items()
            for name in {name for each in line for name in each.assignment.people}
            for shift in _shifts_of(name, layer, line)
        )
    )


def _shifts_of(name: str, layer: str, line: tuple[Shift, ...]) -> Iterator[PersonalShift]:
    for is_on_call, run in groupby(line, key=lambda shift: name in shift.assignment.people):
        parts = list(run)
        if is_on_call:
            yield PersonalShift(parts[0].starts, parts[-1].ends, name, layer, parts[0] is line[0])


def subtract(shifts: Iterable[PersonalShift], others: Iterable[PersonalShift]) -> tuple[PersonalShift, ...]:
    """The parts of some shifts that are not in others of the same person and layer."""
    rest = list(shifts)
    for other in others:
        rest = [part for each in rest for part in _without(each, other)]
    return tuple(sorted(rest))


def cut(shifts: Iterable[PersonalShift], since: datetime, until: datetime) -> tuple[PersonalShift, ...]:
    """The parts between two instants."""
    return tuple(
        replace(each, starts=max(each.starts, since), ends=min(each.ends, until), has_begun=each.has_begun or each.starts < since)
        for each in shifts
        if each.starts < until and since < each.ends
    )


def _without(shift: PersonalShift, other: PersonalShift) -> list[PersonalShift]:
    is_apart = other.ends <= shift.starts or shift.ends <= other.starts
    if (shift.person, shift.layer) != (other.person, other.layer) or is_apart:
        return [shift]
    before = [replace(shift, ends=other.starts)] if shift.starts < other.starts else []
    after = [replace(shift, starts=other.ends, has_begun=False)] if other.ends < shift.ends else []
    return before + after
