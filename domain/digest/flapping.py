"""Alerts that came and went by themselves and woke somebody meanwhile."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.alerts.alerts import AlertGroup
from domain.changes.platform_changes import PlatformChange
from domain.paging.pages import Page
from domain.text import format_duration, join_and, times

SHORT = timedelta(minutes=15)
"""What has ended by itself after less than this was over before anybody could act."""
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlappedAlert:
    """An alert that woke people in one night for nothing. ``people`` were called, once for each time that they were.

    ``lasted`` is how long its last firing took. ``earlier`` counts how often it woke somebody in the week before the night.
    """

    title: str
    incident: str
    people: tuple[str, ...]
    lasted: timedelta | None
    earlier: int

    @property
    def text(self) -> str:
        """What happened, with the week before beside it."""
        counts = Counter(self.people)
        who = join_and([name if count == 1 else f"{name} {times(count)}" for name, count in counts.items()])
        lasted = f", and its last firing ended after {format_duration(self.lasted)}" if self.lasted is not None else ""
        before = f"woke somebody {times(self.earlier)}" if self.earlier else "woke nobody"
        return f"{self.title} flapped and woke {who}{lasted}; in the week before it {before}"


def flapped_alerts(
    groups: Iterable[AlertGroup],
    pages: Sequence[Page],
    since: datetime,
    until: datetime,
    changes: Sequence[PlatformChange] = (),
) -> tuple[FlappedAlert, ...]:
    """Those of a night, the one that woke people most often first. ``pages`` are of the night and of the week before it.

    Pages are about incidents. Rehearsals wake on purpose, and a security incident is not named. One of the ``changes`` that was
    made to an alert's service while it fired has probably ended it: that alert was real, however soon it was over.
    """
    calls = [each for each in pages if each.called and not each.request.is_test and not each.request.is_private]
    by_title: dict[str, list[AlertGroup]] = {}
    for group in (each for each in groups if each.flapping or not _was_mended(each, changes)):
        by_title.setdefault(group.title, []).append(group)
    found = [_flapped(title, alike, calls, since, until) for title, alike in by_title.items()]
    return tuple(sorted(filter(None, found), key=lambda each: (-len(each.people), each.title)))


def _flapped(
    title: str, groups: Sequence[AlertGroup], calls: Sequence[Page], since: datetime, until: datetime
) -> FlappedAlert | None:
    incidents = {group.incident for group in groups if group.incident}
    woke = [each for each in calls if each.subject in incidents and since <= each.requested_at <= until]
    # An alert that fires again joins another incident, which has the same title.
    titles = {each.request.title for each in woke}
    before = [each for each in calls if since - WEEK <= each.requested_at < since]
    earlier = [each for each in before if each.subject in incidents or each.request.title in titles]
    about = [group for group in groups if group.incident in {each.subject for each in woke} and _has_flapped(group, since)]
    if not about:
        return None
    last = max(about, key=lambda group: group.began_at)
    return FlappedAlert(
        title=title,
        incident=last.incident,
        people=tuple(person.name for page in woke for person in page.called),
        lasted=_lasted(last),
        earlier=len(earlier),
    )


def _has_flapped(group: AlertGroup, since: datetime) -> bool:
    """Whether it ended soon after it began, or came back in this night after it had ended."""
    lasted = _lasted(group)
    ended_soon = lasted is not None and lasted < SHORT
    return group.flapping or ended_soon or sum(at >= since for at in group.state_changes) > 1


def _was_mended(group: AlertGroup, changes: Iterable[PlatformChange]) -> bool:
    end = group.resolved_at
    return end is not None and any(
        group.began_at <= change.at <= end and (not group.service or group.service in change.services) for change in changes
    )


def _lasted(group: AlertGroup) -> timedelta | None:
    return group.resolved_at - group.began_at if group.resolved_at is not None else None
