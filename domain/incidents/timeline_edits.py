"""What people change about a timeline by hand: entries that they add, and entries that they drop. Pure."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.errors import Refused, UsageError
from domain.incidents.changes import IncidentChange, change
from domain.incidents.incident import Incident, Participant
from domain.incidents.timeline import EntryKind, TimelineEntry
from domain.rich_text import Code, Text, sentence
from domain.wall_clock import instant_of, local_time

MAX_LEAD = timedelta(hours=24)
"""How long before the declaration something may have happened that belongs to the incident."""
_TIME = re.compile(
    r"(?:(?P<day>\d{4}-\d\d-\d\d)[T ])?(?P<hours>[01]?\d|2[0-3]):(?P<minutes>[0-5]\d)(?P<utc> ?(?:Z|UTC))?", re.IGNORECASE
)
_HINT = sentence("Write it like ", Code("14:05"), ", ", Code("14:05Z"), " for UTC, or ", Code("2026-11-23T14:05"), ".")


def parse_past_time(word: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The time of something that has happened: as the writer's clock showed it, or in UTC with ``Z``.

    Without a day it is the last such time before now. Of a time that clocks showed twice, it is the last one before now. Raises
    ``UsageError``.
    """
    match = _TIME.fullmatch(word.strip())
    if match is None:
        raise UsageError(f"“{word[:40]}” is not a time.", _HINT)
    zone = ZoneInfo("UTC") if match["utc"] else zone
    today = local_time(now, zone).date()
    days = [_day(match["day"])] if match["day"] else [today, today - timedelta(days=1)]
    minutes = 60 * int(match["hours"]) + int(match["minutes"])
    times = [time for day in days for time in _instants(day, minutes, zone) if time <= now]
    if not times:
        raise UsageError(f"“{word[:40]}” is in the future, and the timeline tells what has happened.", _HINT)
    return max(times)


def add_entry(record: Incident, text: str, by: Participant, at: datetime, happened_at: datetime) -> IncidentChange:
    """Add what a person knows to have happened then. Raises ``Refused`` for a time long before the incident."""
    if happened_at < record.declared.at - MAX_LEAD:
        earliest = f"{record.declared.at - MAX_LEAD:%d %b %H:%M} UTC"
        raise Refused(f"{record.id} was declared more than a day later. The earliest time is {earliest}. Nothing was added.")
    added = change(
        record, EntryKind.NOTE, at, sentence(by.text, f": {text}"), by=by, quiet=True, audit="incident timeline add", why=text
    )
    return replace(added, entries=tuple(replace(entry, at=happened_at) for entry in added.entries))


def drop_entry(entry: TimelineEntry) -> TimelineEntry:
    """Take an entry from the timeline. It stays stored. Raises ``Refused`` if that was done already."""
    if entry.dropped:
        raise Refused(f"Entry {entry.number} was dropped from the timeline already.")
    return replace(entry, dropped=True)


def edit_note(entry: TimelineEntry) -> Text:
    """What happened to the message of an entry since; empty if nothing did."""
    if entry.deleted_at is not None:
        return f"deleted at {entry.deleted_at:%H:%M} UTC"
    return f"edited at {entry.edited_at:%H:%M} UTC" if entry.edited_at is not None else ""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"There is no day “{text}”.", _HINT) from error


def _instants(day: date, minutes: int, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants at which a clock in the zone showed this time: two in the hour that is repeated, else one."""
    local = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    first = instant_of(local, zone)
    return (first, second) if second > first and local_time(second, zone) == local else (first,)
