"""Constructors of on-call's timers."""

from datetime import datetime

from storage.timers import Timer

REVIEW = "oncall-review"
GROUP = "oncall-group"
SCHEDULE = "oncall-schedule"
EXPIRE = "oncall-expire"
"""Kinds of timers. Their ``subject`` is the name of a team, the id of a user group, or the id of a request."""


def review_timer(team: str, at: datetime) -> Timer:
    """Fires when people may have to be told something about a team."""
    return Timer(f"{REVIEW}/{team}", REVIEW, team, at)


def group_timer(group_id: str, at: datetime) -> Timer:
    """Fires when a user group is compared with who is on call."""
    return Timer(f"{GROUP}/{group_id}", GROUP, group_id, at)


def schedule_timer(team: str, at: datetime) -> Timer:
    """Fires when a team's schedules are read from PagerDuty."""
    return Timer(f"{SCHEDULE}/{team}", SCHEDULE, team, at)


def expire_timer(request_id: str, at: datetime) -> Timer:
    """Fires when nobody can accept a request any more."""
    return Timer(f"{EXPIRE}/{request_id}", EXPIRE, request_id, at)
