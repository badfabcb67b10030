"""Calendars of who is on call: whose, at which address, and which events."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from domain.oncall.personal import PersonalShift, personal_shifts
from domain.oncall.schedule import Roster, gaps, known_until

CALENDAR_PATH = "/oncall/calendar.ics"
PAST_SHOWN = timedelta(days=30)
_LOOK_BACK = timedelta(days=120)
"""How far back the beginning of a shift is looked for, by which an event is the same at each look."""
_SIGNATURE_BYTES = 20
"""160 bits of the HMAC: 32 letters and digits of base 32."""


class FeedKind(StrEnum):
    """Whose shifts a calendar shows."""

    PERSON = "person"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Feed:
    """A calendar: of a person in all teams, or of a team with everybody. ``name`` is the catalogue's."""

    kind: FeedKind
    name: str


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An event. ``uid`` stays the same while its person, layer and beginning do."""

    uid: str
    starts: datetime
    ends: datetime
    title: str


@dataclass(frozen=True, slots=True)
class CalendarLinks:
    """Addresses that only the bot can make. ``secrets``: the first signs, all are accepted, so that one can be replaced."""

    public_url: str
    secrets: tuple[bytes, ...]

    def url(self, feed: Feed) -> str:
        """The address of a calendar. Whoever has it can read the calendar."""
        query = urlencode({feed.kind.value: feed.name, "signed": _signature(self.secrets[0], feed)})
        return f"{self.public_url.rstrip('/')}{CALENDAR_PATH}?{query}"

    def is_signed(self, feed: Feed, signature: str) -> bool:
        """Whether a signature is the bot's for exactly this calendar; in constant time."""
        given = signature.encode(errors="replace")
        return any(hmac.compare_digest(_signature(secret, feed).encode(), given) for secret in self.secrets)


def events_of(feed: Feed, rosters: Iterable[Roster], now: datetime) -> tuple[CalendarEvent, ...]:
    """The events of a calendar, from 30 days ago as far as is known. Of a team, gaps are events too."""
    events: list[CalendarEvent] = []
    for roster in rosters:
        events += [_event(feed, roster.team, shift) for shift in _shifts_of(feed, roster, now)]
        if feed.kind is FeedKind.TEAM and (until := known_until(roster, now)) > now:
            events += [_gap_event(roster.team, gap.starts, gap.ends) for gap in gaps(roster, now, until)]
    return tuple(sorted(events, key=lambda event: (event.starts, event.uid)))


def _shifts_of(feed: Feed, roster: Roster, now: datetime) -> Sequence[PersonalShift]:
    shifts = personal_shifts(roster, now - _LOOK_BACK, known_until(roster, now))
    is_of_team = feed.kind is FeedKind.TEAM
    return [each for each in shifts if each.ends > now - PAST_SHOWN and (is_of_team or each.person == feed.name)]


def _event(feed: Feed, team: str, shift: PersonalShift) -> CalendarEvent:
    # A shift that began before all that is looked at keeps one uid, although its beginning seems to move.
    begins = "ever" if shift.has_begun else shift.starts.isoformat()
    who = f"{shift.person} on call" if feed.kind is FeedKind.TEAM else "On call"
    title = f"{who}: {team} ({shift.layer})"
    return CalendarEvent(_uid("shift", team, shift.layer, shift.person, begins), shift.starts, shift.ends, title)


def _gap_event(team: str, starts: datetime, ends: datetime) -> CalendarEvent:
    return CalendarEvent(_uid("gap", team, ends.isoformat()), starts, ends, f"Nobody on call: {team}")


def _uid(*parts: str) -> str:
    return f"{hashlib.sha256('/'.join(parts).encode()).hexdigest()[:32]}@deepecho"


def _signature(secret: bytes, feed: Feed) -> str:
    digest = hmac.new(secret, f"calendar/1/{feed.kind.value}/{feed.name}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:_SIGNATURE_BYTES]).decode().lower()
