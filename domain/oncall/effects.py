"""What an override changes: the times in which others are on call with it than without."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from domain.oncall.overrides import Override
from domain.oncall.schedule import Roster, shifts


@dataclass(frozen=True, slots=True)
class Replacement:
    """A time in which ``after`` are on call instead of ``before``, which is empty in a gap."""

    starts: datetime
    ends: datetime
    before: tuple[str, ...]
    after: tuple[str, ...]


def effect_of(roster: Roster, override: Override) -> tuple[Replacement, ...]:
    """What an override changes in its layer; empty if it changes nothing. The roster may have it already, or not yet.

    A layer that is no longer in the catalogue is changed by nothing.
    """
    if override.layer not in roster.config.layer_names:
        return ()
    others = tuple(each for each in roster.overrides if each.id != override.id)
    without = replace(roster, overrides=others)
    lines = [
        shifts(each, override.starts, override.ends)[override.layer]
        for each in (without, replace(roster, overrides=(*others, override)))
    ]
    edges = sorted({edge for line in lines for shift in line for edge in (shift.starts, shift.ends)})
    found: list[Replacement] = []
    for starts, ends in pairwise(edges):
        before, after = (next(each.assignment.people for each in line if each.starts <= starts < each.ends) for line in lines)
        if before == after:
            continue
        if found and (found[-1].ends, found[-1].before, found[-1].after) == (starts, before, after):
            found[-1] = replace(found[-1], ends=ends)
        else:
            found.append(Replacement(starts, ends, before, after))
    return tuple(found)
