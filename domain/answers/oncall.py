"""Answers and notices about who is on call."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.facts import Answer
from domain.notes import Tone
from domain.oncall.cover_requests import CoverRequest
from domain.oncall.overrides import Override
from domain.oncall.schedule import Gap
from domain.people import Person
from domain.rich_text import Text


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """A person of the catalogue. ``person`` is None for one whom only PagerDuty knows."""

    name: str
    person: Person | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLine:
    """One layer at an instant. ``next_people`` are on call from ``until`` on, which is None if no change is in sight."""

    layer: str
    people: tuple[NamedPerson, ...]
    until: datetime | None = None
    next_people: tuple[NamedPerson, ...] = ()
    overrides: tuple[Override, ...] = ()
    """Those that changed who is on call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamOnCall:
    """Who is on call for one team. ``note`` says where it is known from and how old that is; empty for own rotations."""

    team: str
    zone: str
    layers: tuple[LayerLine, ...]
    note: Text = ""
    is_unknown: bool = False
    """PagerDuty never answered for this time: who is on call is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallAnswer(Answer):
    """Who is on call at an instant. ``asked_at`` is set if another time than now was asked for."""

    teams: tuple[TeamOnCall, ...]
    at: datetime
    is_now: bool = True
    can_take: str = ""
    """The team whose pager the person may take; empty if there is none, or more than one."""


@dataclass(frozen=True, slots=True)
class WeekLine:
    """One shift of the week; without people a gap."""

    starts: datetime
    ends: datetime
    people: tuple[NamedPerson, ...]
    is_override: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekAnswer(Answer):
    """The shifts of a team in a week, by layer, and when nobody is on call who should be."""

    team: str
    zone: str
    since: datetime
    until: datetime
    layers: dict[str, tuple[WeekLine, ...]] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    note: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideAnswer(Answer):
    """An override was made, or taken back: ``lines`` say what it changes, in everybody's time."""

    title: Text
    lines: tuple[Text, ...]
    undo: str = ""
    """The id of the override that one tap takes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarAnswer(Answer):
    """The address of a calendar, which whoever has it can read. ``is_own``: the person's own; else a team's."""

    name: str
    is_own: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallNotice:
    """A message to one person or to a channel about who is on call."""

    team: str
    title: Text
    lines: tuple[Text, ...] = ()
    tone: Tone = Tone.PLAIN
    undo: str = ""
    """The id of an override that one tap takes back."""
    gap: Gap | None = None
    """A gap that one tap fills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverCard:
    """The card of a request to be relieved. ``people`` gives the account of each name."""

    request: CoverRequest
    zone: str
    people: dict[str, Person] = field(default_factory=dict)
