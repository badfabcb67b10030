"""The timeline as people read it: an answer, and a text file for a long one. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from domain.facts import Answer
from domain.incidents.evidence import entry_text, names_of, without_dropped
from domain.incidents.incident import Incident
from domain.incidents.timeline import TimelineEntry
from domain.incidents.timeline_edits import edit_note
from domain.people import Person
from domain.rich_text import plain_text

MAX_SHOWN = 20
"""Entries that a message shows: more are a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTimeline(Answer):
    """The entries of a timeline by time, without those that were dropped. ``is_filed``: all of them were sent as a file."""

    incident_id: str
    title: str
    entries: tuple[TimelineEntry, ...]
    is_filed: bool = False


def timeline_of(
    incident: Incident, entries: Iterable[TimelineEntry], links: Mapping[int, str], names: Mapping[Person, str] | None = None
) -> IncidentTimeline:
    """The timeline with names in place of mentions. ``links`` are permalinks by the number of the entry."""
    stored = without_dropped(entries)
    names = {**(names or {}), **names_of(incident, stored)}
    shown = tuple(_readable(entry, names, links) for entry in stored)
    return IncidentTimeline(incident_id=incident.id, title=incident.title, entries=shown, is_filed=len(shown) > MAX_SHOWN)


def timeline_text(timeline: IncidentTimeline, zone: tzinfo) -> str:
    """The whole timeline as plain text, with UTC and the reader's own time."""
    head = f"Timeline of {timeline.incident_id}: {timeline.title}\nTimes are UTC, then {zone}.\n"
    return "\n".join([head, *(_text_line(entry, zone) for entry in timeline.entries), ""])


def _readable(entry: TimelineEntry, names: Mapping[Person, str], links: Mapping[int, str]) -> TimelineEntry:
    return replace(entry, text=entry_text(entry, names), permalink=entry.permalink or links.get(entry.number, ""))


def _text_line(entry: TimelineEntry, zone: tzinfo) -> str:
    text = " ".join(plain_text(entry.text).split())
    changed = plain_text(edit_note(entry))
    parts = [f"{_times(entry.at, zone)}  {entry.number:>3}  {text}", f"({changed})" if changed else "", entry.permalink]
    return " ".join(part for part in parts if part)


def _times(at: datetime, zone: tzinfo) -> str:
    utc, own = at.astimezone(UTC), at.astimezone(zone)
    day = f"{own:%d %b} " if own.date() != utc.date() else ""
    return f"{utc:%Y-%m-%d %H:%M} {day}{own:%H:%M}"
