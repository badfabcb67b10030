"""When digests are due. A period is one local date; its instant follows from the catalogue."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.catalogue.digest import DigestConfig
from domain.catalogue.zones import minutes_of
from domain.wall_clock import instant_of, local_time, wall_clock

CATCH_UP = timedelta(days=7)
"""A period that was due longer ago than this is left out: nobody needs two weeks of old mornings at once."""
_DAY = timedelta(days=1)


def is_digest_day(config: DigestConfig, period: date) -> bool:
    """Whether there is a digest on this local date."""
    return period.weekday() in {day.number for day in config.days}


def due_at(config: DigestConfig, period: date) -> datetime:
    """When the digest of a local date is due, in UTC. A time that clocks show twice is the first, a skipped one the jump."""
    return instant_of(wall_clock(period, minutes_of(config.at)), ZoneInfo(config.zone))


def next_period(config: DigestConfig, now: datetime, made: date | None, planned: date | None = None) -> date:
    """The next period to plan, after the last one that was made: the first that is due from now on.

    The one that is planned may have become overdue by another time of the catalogue: it comes late rather than never. Other days
    may not: nobody wanted a digest on them when they were.
    """
    today = local_time(now, ZoneInfo(config.zone)).date()
    period = max(today, made + _DAY) if made else today
    while not is_digest_day(config, period) or (period != planned and due_at(config, period) < now):
        period += _DAY
    return period


def period_after(config: DigestConfig, last: date, now: datetime) -> date:
    """The period that follows one whose turn has come, also where it is overdue, but not by more than ``CATCH_UP``."""
    oldest = local_time(now - CATCH_UP, ZoneInfo(config.zone)).date()
    period = max(last, oldest) + _DAY
    while not is_digest_day(config, period):
        period += _DAY
    return period
