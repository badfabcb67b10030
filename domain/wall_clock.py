"""From the wall clock to an instant: what a time means on the days on which clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def wall_clock(day: date, minutes: int) -> datetime:
    """So many minutes after midnight of a day as the wall clock counts them, without a zone."""
    return datetime.combine(day, time()) + timedelta(minutes=minutes)


@lru_cache(maxsize=65_536)
def instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a clock in the zone shows this time.

    A time that clocks show twice is the first of the two. A time that clocks skip is the instant at which they jump: a handoff at
    02:30 happens when 02:00 becomes 03:00. So a later time of the wall clock never is an earlier instant, and what ends at one
    time abuts what begins at it.
    """
    early, late = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early <= late:
        return early
    # Skipped: with the offset before the jump it lies after the jump, with the offset after the jump it lies before.
    return _jump_between(late, early, zone)


def instants_of(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Every instant at which a clock in the zone shows this time: usually one, two when clocks go back, none if it is skipped."""
    both = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(instant for instant in both if local_time(instant, zone) == local))


def _jump_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first instant with the offset of ``after``. Zones change on whole seconds."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def local_time(at: datetime, zone: ZoneInfo) -> datetime:
    """What a clock in the zone shows at an instant, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def next_time(minutes: int, zone: ZoneInfo, at: datetime) -> datetime:
    """The next instant, after ``at``, at which it is so many minutes after midnight in the zone."""
    today = local_time(at, zone).date()
    candidates = (instant_of(wall_clock(today + timedelta(days=days), minutes), zone) for days in (0, 1))
    return next((instant for instant in candidates if instant > at), at + timedelta(days=1))
