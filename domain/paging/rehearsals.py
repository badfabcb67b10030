"""Rehearsals: a page marked TEST over the real ways, and how long everything took."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.catalogue.paging import PageTestConfig
from domain.catalogue.zones import minutes_of
from domain.paging.messages import StoredMessage
from domain.paging.pages import Page, PageRequest
from domain.paging.policies import PagePolicy, PageStep
from domain.people import Person

DAYS_PER_WEEK = 7
REHEARSAL = "rehearsal"
"""The kind of such pages."""
NOTHING_IS_WRONG = "Nothing is wrong. Please acknowledge as you would at night."


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalReport:
    """How a rehearsal went. Without an acknowledgement in time it has failed."""

    page: Page
    messages: tuple[StoredMessage, ...]
    at: datetime

    @property
    def failures(self) -> tuple[StoredMessage, ...]:
        """Ways that did not work."""
        return tuple(each for each in self.messages if not each.state.has_arrived)

    @property
    def has_succeeded(self) -> bool:
        """Whether somebody answered, and every way worked."""
        return self.page.acknowledgement is not None and not self.failures


def rehearsal_request(team: str, key: str, config: PageTestConfig, asked_by: Person | None) -> PageRequest:
    """The page of a rehearsal that begins with the page, where alerts open no incidents.

    ``key`` tells it from others of the team: a date, or the command that asked for it.
    """
    return PageRequest(
        subject=f"test-{team}-{key}",
        kind=REHEARSAL,
        severity=config.severity,
        team=team,
        title=f"rehearsal of paging for {team}",
        lines=(NOTHING_IS_WRONG,),
        is_test=True,
        asked_by=asked_by,
        channel=config.channel,
    )


def rehearsal_policy(policy: PagePolicy, config: PageTestConfig) -> PagePolicy:
    """One call by every way of the policy at once, to whom its first step calls: nobody else is disturbed."""
    ways = tuple(dict.fromkeys(way for step in policy.steps for way in step.ways))
    step = PageStep(whom=policy.steps[0].whom, ways=ways, at_once=len(ways), wait=config.answer_within)
    return PagePolicy((step,))


def next_rehearsal(config: PageTestConfig, after: datetime) -> tuple[datetime, date] | None:
    """When the weekly rehearsal is due next, and its local date, which names it; None if there is none.

    In the gap of summer time it is due as if the clock had not been changed, in the hour that comes twice the first time.
    """
    if config.weekday is None:
        return None
    zone = ZoneInfo(config.zone)
    local = after.astimezone(zone)
    day = local.date() + timedelta(days=(config.weekday.number - local.weekday()) % DAYS_PER_WEEK)
    for candidate in (day, day + timedelta(days=DAYS_PER_WEEK)):
        hours, minutes = divmod(minutes_of(config.at), 60)
        due_at = datetime(candidate.year, candidate.month, candidate.day, hours, minutes, tzinfo=zone)
        if due_at.astimezone(after.tzinfo) > after:
            return due_at.astimezone(after.tzinfo), candidate
    raise AssertionError("one of two weeks is later")
