"""Whether a time lies within an environment's maintenance policy, on the days on which clocks change too."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.catalogue.maintenance import MaintenancePolicy
from domain.wall_clock import instant_of, local_time, wall_clock

_DAY = timedelta(days=1)


def is_within(policy: MaintenancePolicy, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether the whole span lies within what the policy allows. It may cross from a window to one that abuts it."""
    if not policy.windows:
        return True
    covered = starts_at
    for begins, ends in sorted(_spans(policy, starts_at, ends_at)):
        if begins <= covered < ends:
            covered = ends
    return covered >= ends_at


def describe_policy(policy: MaintenancePolicy) -> str:
    """``Sun 04:00 to 06:00 UTC``, ``daily 02:00 to 04:00 UTC``, ``anytime``."""
    texts = []
    for window in policy.windows:
        days = "daily" if len(set(window.days)) == 7 else ", ".join(day.value.capitalize() for day in window.days)
        texts.append(f"{days} {window.start} to {window.end}")
    return f"{'; '.join(texts)} {policy.zone}" if texts else "anytime"


def _spans(policy: MaintenancePolicy, starts_at: datetime, ends_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Every window of the policy from the day before the span to its last day, as instants."""
    zone = policy.time_zone
    day, last = local_time(starts_at, zone).date() - _DAY, local_time(ends_at, zone).date()
    while day <= last:
        for window in policy.windows:
            if day.weekday() in {each.number for each in window.days}:
                minutes = (window.start_minute, window.end_minute)
                begins, ends = (instant_of(wall_clock(day, minute), zone) for minute in minutes)
                yield begins, ends
        day += _DAY
