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


def first_period(config: DigestConfig, now: datetime) -> date:
    """The first period of an audience that had none: the next that is due from now on."""
    period = local_time(now, ZoneInfo(config.zone)).date()
    while not is_digest_day(config, period) or due_at(config, period) < now:
        period += _DAY
    return period


def period_after(config: DigestConfig, last: date, now: datetime) -> date:
    """The next period after one that was made, also where it is overdue, but not by more than ``CATCH_UP``."""
    oldest = local_time(now - CATCH_UP, ZoneInfo(config.zone)).date()
    period = max(last, oldest) + _DAY
    while not is_digest_day(config, period):
        period += _DAY
    return period
