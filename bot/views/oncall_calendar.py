"""A calendar as iCalendar text (RFC 5545): escaping and folding are the library's, which is imported with the first request."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from domain.oncall.calendar import CalendarEvent

REFRESH_INTERVAL = timedelta(minutes=15)
"""How often clients are asked to look again. Most look when they like."""


def calendar_text(name: str, events: Iterable[CalendarEvent], now: datetime) -> bytes:
    """The calendar, in UTC throughout, as UTF-8. Events do not make their people busy."""
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//deepecho//on-call//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", REFRESH_INTERVAL, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    for event in events:
        entry = Event()
        entry.add("uid", event.uid)
        entry.add("dtstamp", now.astimezone(UTC))
        entry.add("dtstart", event.starts.astimezone(UTC))
        entry.add("dtend", event.ends.astimezone(UTC))
        entry.add("summary", event.title)
        entry.add("transp", "TRANSPARENT")
        calendar.add_component(entry)
    text: bytes = calendar.to_ical()
    return text
