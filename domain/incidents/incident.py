"""Incidents: what is stored of one, and what its card shows."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.incidents.channel import IncidentChannel
from domain.people import BOT, Person
from domain.rich_text import Text, sentence
from domain.severities import Severity


class IncidentState(StrEnum):
    """How far an incident is. Only a resolved one can be closed; reopening leads back to acknowledged."""

    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"

    @property
    def is_ongoing(self) -> bool:
        """Whether somebody still has to end it."""
        return self not in {IncidentState.RESOLVED, IncidentState.CLOSED}


class IncidentRole(StrEnum):
    """What a person does in an incident."""

    COMMANDER = "commander"
    COMMS = "comms"
    SCRIBE = "scribe"


@dataclass(frozen=True, slots=True)
class Participant:
    """A person and the name to show. A mention would notify the person with each new message, so names are preferred."""

    person: Person
    name: str = ""

    @property
    def text(self) -> Text:
        """The name; a mention where no name is known."""
        return "deepecho" if self.is_bot else self.name or sentence(self.person)

    @property
    def is_bot(self) -> bool:
        """Whether the bot acted by itself: for an alert, or because time was over."""
        return self.person == BOT


BOT_PARTICIPANT = Participant(BOT, "deepecho")


@dataclass(frozen=True, slots=True)
class Mark:
    """Who did something, and when."""

    by: Participant
    at: datetime


class ClockKind(StrEnum):
    """What an incident's clock waits for."""

    ACKNOWLEDGE = "acknowledge"
    RESPOND = "respond"
    UPDATE = "update"
    COMMANDER = "commander"
    WATCH = "watch"
    POSTMORTEM = "postmortem"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClock:
    """Something that is due at ``due_at``. ``step`` counts what it did already: 0 nothing, 1 reminded, 2 escalated.

    ``paused`` is why it waits until ``due_at`` instead of counting; empty if it counts.
    """

    kind: ClockKind
    due_at: datetime
    step: int = 0
    paused: str = ""
    deadline: datetime
    """When it was due at first, which reminders and escalations do not move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedAlert:
    """An alert group of the incident."""

    group_id: str
    title: str
    severity: Severity
    firing: bool
    channel: str = ""
    episode: int = 1
    """How often the group has fired in its thread, as in its record."""
    suspect: str = ""
    """What its suspect is, in words: ``deploy main-9f00d12``; empty without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedOperation:
    """An operation that is part of the incident, in words."""

    operation_id: str
    title: str
    state: str
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to do, numbered from 1. What is not done in the end becomes an action item of the post-mortem."""

    number: int
    text: str
    added: Mark
    done: Mark | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """The last update: what stands, in a person's words."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class FinishedPostmortem:
    """Where the finished post-mortem is, and who said so."""

    url: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLine:
    """One attempt to page, for the card: ``SMS to ana delivered``."""

    key: str
    at: datetime
    text: Text
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The stored record of an incident, and what its card shows."""

    id: str
    title: str
    severity: Severity
    state: IncidentState = IncidentState.DECLARED
    environment: str = ""
    services: tuple[str, ...] = ()
    team: str = ""
    """The team of the catalogue whose on-call person is paged; empty for the catalogue's default."""
    cause: str = ""
    """The key of an ongoing cause; empty for what a person declared. At most one open incident has it."""
    security: bool = False
    """A security incident: its channel is private, and nothing of it is posted elsewhere."""
    is_test: bool = False
    declared: Mark
    acknowledged: Mark | None = None
    mitigated: Mark | None = None
    resolved: Mark | None = None
    closed: Mark | None = None
    commander: Participant | None = None
    comms: Participant | None = None
    scribe: Participant | None = None
    commander_acted_at: datetime | None = None
    """When the commander last did something here."""
    alerts: tuple[LinkedAlert, ...] = ()
    unlinked: tuple[tuple[str, int], ...] = ()
    """Alert groups that a person has taken out, each with the number of its firing."""
    operations: tuple[LinkedOperation, ...] = ()
    tasks: tuple[Task, ...] = ()
    update: Update | None = None
    clocks: tuple[IncidentClock, ...] = ()
    pages: tuple[PageLine, ...] = ()
    proof: tuple[Text, ...] = ()
    """What the watch after the resolution has shown, and what it could not show."""
    postmortem: FinishedPostmortem | None = None
    """The finished post-mortem; None while there is only a draft."""
    reopened: int = 0
    merged_into: str = ""
    entry_count: int = 0
    """The number of its timeline entries, from which their numbers are made."""
    announcement_channel: str = ""
    """The channel of the announcement; empty for a security incident, or where the catalogue names none."""
    channel: IncidentChannel = field(default_factory=IncidentChannel)

    @property
    def is_open(self) -> bool:
        """Whether it is not closed."""
        return self.state is not IncidentState.CLOSED

    @property
    def state_since(self) -> datetime:
        """When it came into its present state."""
        marks = {
            IncidentState.DECLARED: self.declared,
            IncidentState.ACKNOWLEDGED: self.acknowledged,
            IncidentState.MITIGATED: self.mitigated,
            IncidentState.RESOLVED: self.resolved,
            IncidentState.CLOSED: self.closed,
        }
        return (marks[self.state] or self.declared).at

    def holder(self, role: IncidentRole) -> Participant | None:
        """Who has the role."""
        return {
            IncidentRole.COMMANDER: self.commander,
            IncidentRole.COMMS: self.comms,
            IncidentRole.SCRIBE: self.scribe,
        }[role]

    @property
    def deputy(self) -> Participant | None:
        """Who stands in for a silent commander: comms, else the scribe."""
        others = (each for each in (self.comms, self.scribe) if each is not None and each != self.commander)
        return next(others, None)

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        """Tasks that are not done."""
        return tuple(task for task in self.tasks if task.done is None)

    def clock(self, kind: ClockKind) -> IncidentClock | None:
        """The clock of this kind, if it runs."""
        return next((clock for clock in self.clocks if clock.kind is kind), None)
