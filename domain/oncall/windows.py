"""Windows: times of the day on some weekdays, as instants."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.catalogue.oncall import EVERY_DAY, WindowConfig
from domain.catalogue.zones import MINUTES_PER_DAY
from domain.wall_clock import instant_of, local_time, wall_clock

_DAY = timedelta(days=1)


def is_open(windows: Sequence[WindowConfig], zone: ZoneInfo, at: datetime) -> bool:
    """Whether an instant lies in one of the windows. Without any, always."""
    if not windows:
        return True
    today = local_time(at, zone).date()
    # From two days before: where a day is skipped, as in Samoa in 2011, the window of the day before that ends today.
    return any(begins <= at < ends for begins, ends in _openings(windows, zone, today - 2 * _DAY, today))


def window_edges(windows: Sequence[WindowConfig], zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[datetime]:
    """The instants at which a window may open or close between two instants."""
    first, last = local_time(since, zone).date() - 2 * _DAY, local_time(until, zone).date() + _DAY
    for opening in _openings(windows, zone, first, last):
        yield from opening


def overlaps_wall_clock(windows: Sequence[WindowConfig], since: datetime, until: datetime) -> bool:
    """Whether a window is open at some time between two times of the wall clock. Without any, always."""
    if not windows:
        return True
    day, last = since.date() - 2 * _DAY, until.date()
    while day <= last:
        for window in windows:
            begins, ends = _window_on(window, day)
            if _opens_on(window, day) and begins < until and since < ends:
                return True
        day += _DAY
    return False


def _openings(windows: Sequence[WindowConfig], zone: ZoneInfo, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
    for number in range((last - first).days + 1):
        day = first + number * _DAY
        for window in windows:
            if _opens_on(window, day):
                begins, ends = _window_on(window, day)
                yield instant_of(begins, zone), instant_of(ends, zone)


def _opens_on(window: WindowConfig, day: date) -> bool:
    return EVERY_DAY[day.weekday()] in window.days


def _window_on(window: WindowConfig, day: date) -> tuple[datetime, datetime]:
    days, minute = divmod(window.end_minute, MINUTES_PER_DAY)
    return wall_clock(day, window.start_minute), wall_clock(day + days * _DAY, minute)
