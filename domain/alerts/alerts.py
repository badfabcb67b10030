"""Alerts as Alertmanager tells of them, and the alert group that people see: one card, one thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.changes.platform_changes import Suspect
from domain.metrics.charts import Chart
from domain.notes import Tone
from domain.people import Person
from domain.sentences import Text
from domain.severities import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert of a group. ``ends_at`` is None while it fires."""

    fingerprint: str
    firing: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None = None
    generator_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What one webhook says of one group. ``truncated`` counts alerts that were left out: nothing is known of them."""

    receiver: str
    group_key: str
    group_labels: Mapping[str, str]
    alerts: tuple[Alert, ...]
    external_url: str = ""
    truncated_alerts: int = 0


@dataclass(frozen=True, slots=True)
class AlertLink:
    """Where to look on: ``text`` is what is read, ``url`` an http or https address."""

    text: str
    url: str


class GroupState(StrEnum):
    """Whether any alert of a group fires."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody looks at it, until then."""

    by: Person
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedSilence:
    """The silence that somebody made of the group in Alertmanager."""

    id: str
    by: Person
    at: datetime
    until: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a group goes and how bad it is. ``rule`` names the catalogue's rule that said so."""

    rule: str
    channel: str
    severity: Severity
    owner: str = ""
    mentions: tuple[str, ...] = ()
    """Ids of users (U…) and user groups (S…) that the card calls when it is posted."""
    runbook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousGroup:
    """The group of the same key that fired last, in a thread of its own: resolved too long before to go on in it."""

    id: str
    began_at: datetime
    resolved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertGroup:
    """Everything that a card shows of a group. Its alerts are rows of their own; ``examples`` are some of them, firing first."""

    id: str
    title: str
    labels: Mapping[str, str]
    """The group labels: what Alertmanager groups by."""
    common_labels: Mapping[str, str] = field(default_factory=dict)
    """What all firing alerts share; of the last firing ones where none fires."""
    group_key: str = ""
    receiver: str = ""
    environment: str = ""
    """The catalogue's name; empty where no label says it."""
    service: str = ""
    route: Route
    state: GroupState
    summary: str = ""
    firing: int
    """How many of its alerts fire."""
    total: int
    """How many alerts it has had since it began firing."""
    examples: tuple[Alert, ...] = ()
    began_at: datetime
    """When the first alert of this episode began, as Prometheus says it."""
    seen_at: datetime
    """When this group was first heard of."""
    updated_at: datetime
    resolved_at: datetime | None = None
    previous: PreviousGroup | None = None
    episode: int = 1
    """How often it has fired in this thread."""
    state_changes: tuple[datetime, ...] = ()
    """When it last turned from firing to resolved or back, newest last."""
    flapping: bool = False
    acknowledgement: Acknowledgement | None = None
    silence: AppliedSilence | None = None
    suspect: Suspect | None = None
    value: str = ""
    """The expression's value now, in words: ``14.2 (limit 10)``."""
    storm: str = ""
    """The storm that it is folded into; then it has no card of its own."""
    reply_count: int = 0
    """How many replies its thread has; numbers them."""
    external_url: str = ""
    links: tuple[AlertLink, ...] = ()
    """See ``domain.alerts.links``."""
    truncated: bool = False

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.route.severity

    @property
    def channel(self) -> str:
        """Where its card is."""
        return self.route.channel


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNote:
    """A reply in a group's thread. ``lines`` are details, ``log`` lines of a program, ``chart`` becomes a picture beside it."""

    group_id: str
    key: str
    """Unique in the thread, so that a replay says nothing twice."""
    at: datetime
    text: Text
    tone: Tone = Tone.PLAIN
    lines: tuple[Text, ...] = ()
    log: tuple[str, ...] = ()
    chart: Chart | None = None
