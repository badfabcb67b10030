"""Times that people type, on their own wall clock: ``tomorrow 18:00``, ``Mon 9:00``, ``2026-12-01 18:00``, ``in 2h``."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import UsageError
from domain.rich_text import Code, join, sentence
from domain.text import parse_duration
from domain.wall_clock import instants_of, local_time, wall_clock

MAX_AHEAD = timedelta(days=366)
_EXAMPLES = ("18:00", "tomorrow 18:00", "Mon 9:00", "2026-12-01 18:00", "18:00 UTC", "in 2h")
_HINT = sentence("Write it like ", join(", ", map(Code, _EXAMPLES)), ".")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = re.compile(r"(?P<hour>[01]?\d|2[0-3])[:.](?P<minute>[0-5]\d)(?::00)?")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:?\d\d)", re.IGNORECASE)
_ISO_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_NAMED_DAY = re.compile(r"(?P<day>\d{1,2})\.? ?(?P<month>[a-z]{3})[a-z]*\.?(?: (?P<year>\d{4}))?")
_DAY = timedelta(days=1)


def zone_named(name: str) -> ZoneInfo:
    """The zone of a person as Slack names it; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def parse_time(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The instant that a person in ``zone`` means, in UTC. Raises ``UsageError``.

    A time without a day is the next one. A time that clocks skip or show twice is refused: nobody may be paged by a guess.
    """
    words = " ".join(text.split()).lower()
    if words == "now":
        return now.replace(second=0, microsecond=0)
    if words.startswith("in "):
        return _to_minute(now + parse_duration(words.removeprefix("in ").replace(" ", ""), MAX_AHEAD))
    if _ISO.fullmatch(words):
        return _checked(datetime.fromisoformat(words.upper()).astimezone(UTC), text, now)
    if words.endswith(" utc"):
        words, zone = words.removesuffix(" utc"), ZoneInfo("UTC")
    return _checked(_instant(_local(words, text, zone, now), text, zone), text, now)


def _local(words: str, text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The time of the wall clock."""
    day_words, _, time_word = words.replace("t", " ", 1).rpartition(" ") if _ISO_DAY.match(words) else words.rpartition(" ")
    time = _TIME.fullmatch(time_word)
    if time is None:
        raise UsageError(f"“{text[:60]}” is not a time that can be read.", _HINT)
    minutes, today = 60 * int(time["hour"]) + int(time["minute"]), local_time(now, zone)
    if not day_words:
        later = wall_clock(today.date(), minutes)
        return later if later > today else later + _DAY
    return wall_clock(_day(day_words, text, today, minutes), minutes)


def _day(words: str, text: str, today: datetime, minutes: int) -> date:
    if words in ("today", "tomorrow"):
        return today.date() + (_DAY if words == "tomorrow" else timedelta())
    weekday = next((number for number, name in enumerate(_WEEKDAYS) if len(words) > 2 and name.startswith(words)), None)
    if weekday is not None:
        day = today.date() + ((weekday - today.weekday()) % 7) * _DAY
        return day if wall_clock(day, minutes) > today else day + 7 * _DAY
    try:
        if iso := _ISO_DAY.fullmatch(words):
            return date(*map(int, iso.groups()))
        if (named := _NAMED_DAY.fullmatch(words)) and named["month"] in _MONTHS:
            return _named_day(int(named["day"]), _MONTHS.index(named["month"]) + 1, named["year"], today.date())
    except ValueError as error:
        raise UsageError(f"“{text[:60]}”: there is no such day.", _HINT) from error
    raise UsageError(f"“{text[:60]}” is not a time that can be read.", _HINT)


def _named_day(day: int, month: int, year: str | None, today: date) -> date:
    """Without a year, the next such day; today is one."""
    if year:
        return date(int(year), month, day)
    this_year = date(today.year, month, day)
    return this_year if this_year >= today else date(today.year + 1, month, day)


def _instant(local: datetime, text: str, zone: ZoneInfo) -> datetime:
    instants = instants_of(local, zone)
    if not instants:
        raise UsageError(f"“{text[:60]}” does not exist in {zone.key}: clocks jump over it that day.", "Say it in UTC.")
    if len(instants) > 1:
        choices = " or ".join(f"{each:%Y-%m-%d %H:%M} UTC" for each in instants)
        raise UsageError(f"“{text[:60]}” comes twice in {zone.key} that day, when clocks go back.", f"Say which: {choices}.")
    return instants[0]


def _to_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _checked(at: datetime, text: str, now: datetime) -> datetime:
    if abs(at - now) > MAX_AHEAD:
        raise UsageError(f"“{text[:60]}” is more than a year away.", _HINT)
    return at
