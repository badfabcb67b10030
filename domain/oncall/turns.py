"""Turns of a rotation: when each begins, and whose it is."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.catalogue.oncall import Advance, LayerConfig
from domain.catalogue.zones import minutes_of
from domain.oncall.windows import overlaps_wall_clock
from domain.wall_clock import instant_of, local_time, wall_clock

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cycle:
    """How turns repeat on the wall clock: from ``anchor`` on, at each of ``offsets`` (days), again every ``days`` days."""

    anchor: datetime
    offsets: tuple[int, ...]
    days: int

    def begin(self, number: int) -> datetime:
        """When a turn begins, on the wall clock. The first has the number 0."""
        cycles, place = divmod(number, len(self.offsets))
        return self.anchor + (cycles * self.days + self.offsets[place]) * _DAY

    def number_at(self, local: datetime) -> int:
        """The number of the turn at a time of the wall clock; negative before the first."""
        cycles, rest = divmod(local - self.anchor, self.days * _DAY)
        return cycles * len(self.offsets) + sum(offset * _DAY <= rest for offset in self.offsets) - 1


@lru_cache(maxsize=1024)
def cycle_of(layer: LayerConfig) -> Cycle:
    """The cycle of a rotation. It begins with the first handoff on or after its date."""
    weekdays = [day.number for day in layer.handoff.days]
    waits = sorted((weekday - layer.starts.weekday()) % 7 for weekday in weekdays) or [0]
    anchor = wall_clock(layer.starts + waits[0] * _DAY, minutes_of(layer.handoff.at))
    return Cycle(anchor, tuple(wait - waits[0] for wait in waits), layer.turn_days)


def turn_at(layer: LayerConfig, zone: ZoneInfo, at: datetime) -> int | None:
    """The number of the turn at an instant; None before the first."""
    cycle = cycle_of(layer)
    number = cycle.number_at(local_time(at, zone))
    # Near a change of clocks the wall clock alone is ambiguous; the instants of the handoffs decide.
    while instant_of(cycle.begin(number), zone) > at:
        number -= 1
    while instant_of(cycle.begin(number + 1), zone) <= at:
        number += 1
    return number if number >= 0 else None


def turn_begins(layer: LayerConfig, zone: ZoneInfo, number: int) -> datetime:
    """The instant at which a turn begins."""
    return instant_of(cycle_of(layer).begin(number), zone)


def person_of_turn(layer: LayerConfig, number: int) -> str:
    """Whose turn it is."""
    if layer.advance is Advance.SERVED:
        served = _served_pattern(layer)
        rounds, rest = divmod(number, len(served))
        number = rounds * sum(served) + sum(served[:rest])
    return layer.people[number % len(layer.people)]


@lru_cache(maxsize=1024)
def _served_pattern(layer: LayerConfig) -> tuple[bool, ...]:
    """For each turn, whether its layer is on call at some time in it; repeated for ever.

    The wall clock decides, so that a change of clocks never moves the rotation. Weekdays repeat every seven days and turns every
    ``turn_days``: at most seven turns differ, or seven handoffs of a week.
    """
    cycle = cycle_of(layer)
    turns = len(cycle.offsets) * math.lcm(cycle.days, 7) // cycle.days
    return tuple(overlaps_wall_clock(layer.restrictions, cycle.begin(number), cycle.begin(number + 1)) for number in range(turns))
