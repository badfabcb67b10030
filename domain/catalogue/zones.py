"""Times of the wall clock in the catalogue: IANA zones, hours and minutes, weekdays."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator

from domain.text import nearest

MINUTES_PER_DAY = 24 * 60
_TIME = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])")


class Weekday(StrEnum):
    """A day of the week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """0 for Monday, as ``date.weekday()``."""
        return list(Weekday).index(self)


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """The names of all zones of this machine's zone data. Reading them takes 20 ms."""
    return frozenset(available_timezones())


def _validate_zone(value: str) -> str:
    if value not in known_zones():
        by_lower_case = {name.lower(): name for name in known_zones()}
        close = [by_lower_case[name] for name in nearest(value, by_lower_case)]
        hint = f"; did you mean {' or '.join(close)}?" if close else ", such as Europe/Berlin; an offset is none"
        raise ValueError(f"{value!r} is not the name of a time zone{hint}")
    return value


def _require_text(value: object) -> object:
    """Refuse what YAML makes of an unquoted ``18:00``: the number 1080."""
    if isinstance(value, int | float):
        # As a number it could be 18:00, or half past ten written without its colon: nobody may be paged by a guess.
        raise ValueError('must stand in quotation marks, such as "18:00": without them YAML may read a number')  # noqa: TRY004
    return value


def _validate_time(value: str) -> str:
    match = _TIME.fullmatch(value)
    if match is None or minutes_of(value) >= MINUTES_PER_DAY:
        raise ValueError(f"{value!r} is not a time of the day, such as 09:00")
    return f"{int(match[1]):02}:{match[2]}"


def _validate_end_time(value: str) -> str:
    return value if value == "24:00" else _validate_time(value)


def minutes_of(value: str) -> int:
    """Minutes since midnight, from ``09:00``."""
    hours, _, minutes = value.partition(":")
    return 60 * int(hours) + int(minutes)


ZoneName = Annotated[str, AfterValidator(_validate_zone)]
"""The name of an IANA zone, such as ``Europe/Berlin``. An offset is none: it would be wrong half of the year."""

TimeOfDay = Annotated[str, BeforeValidator(_require_text), AfterValidator(_validate_time)]
"""``09:00`` on the wall clock."""

EndTimeOfDay = Annotated[str, BeforeValidator(_require_text), AfterValidator(_validate_end_time)]
"""As ``TimeOfDay``, or ``24:00``."""
