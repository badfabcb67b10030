"""Alerts as Alertmanager reports them, and alert groups, each with one card and one thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.alerts.silences import OnNew
from domain.changes.platform_changes import Suspect
from domain.metrics.charts import Chart
from domain.notes import Tone
from domain.people import Person
from domain.rich_text import Text
from domain.severities import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class GrafanaDetails:
    """What Grafana's own alerting adds to an alert. The URLs are as received, empty if there is none."""

    values: Mapping[str, float] = field(default_factory=dict)
    """The values of the rule's expressions by their ids: ``B``, ``C``. Only finite ones."""
    dashboard_url: str = ""
    panel_url: str = ""
    silence_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. ``ends_at`` is None while it fires."""

    fingerprint: str
    firing: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None = None
    generator_url: str = ""
    grafana: GrafanaDetails | None = None
    """Set where Grafana's own alerting sent it."""
    route: "Route | None" = None
    """The route that it has by itself, decided by all of its labels. See ``domain.alerts.stored_alerts``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One notification of Alertmanager about one group. ``truncated_alerts`` counts alerts that it left out."""

    receiver: str
    group_key: str
    group_labels: Mapping[str, str]
    alerts: tuple[Alert, ...]
    external_url: str = ""
    truncated_alerts: int = 0
    source: str = ""
    """The name of the Alertmanager, or pair of them, that sent it; empty for the unnamed one. Each has groups of its own."""


@dataclass(frozen=True, slots=True)
class AlertLink:
    """A link on the card. ``url`` is an http or https URL."""

    text: str
    url: str


class GroupState(StrEnum):
    """Whether any alert of the group fires."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody works on the group, until then."""

    by: Person
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOfEnd:
    """Who was told that a silence ends: its owner in the thread, or whoever is on call for ``team`` in a direct message."""

    person: Person
    team: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A later end that somebody wants of a silence. Alertmanager may have it already, until that is known and recorded."""

    until: datetime
    by: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedSilence:
    """The silence of the group that somebody created in Alertmanager. ``told`` is who was told that it ends now.

    ``extension`` is one that is under way.
    """

    id: str
    by: Person
    at: datetime
    until: datetime
    reason: str = ""
    on_new: OnNew = OnNew.TELL
    extension: Extension | None = None
    extended_by: Person | None = None
    extended_at: datetime | None = None
    let_end_by: Person | None = None
    """Who has seen that it ends, and lets it."""
    told: tuple[ToldOfEnd, ...] = ()

    @property
    def owner(self) -> Person:
        """Whose it is: whoever extended it last, or made it."""
        return self.extended_by or self.by

    @property
    def possible_ends(self) -> tuple[datetime, ...]:
        """Its end, and the one that Alertmanager may have already."""
        return (self.until, self.extension.until) if self.extension else (self.until,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a group is posted, and its severity. ``rule`` names the rule of the catalogue that matched."""

    rule: str
    channel: str
    severity: Severity
    owner: str = ""
    mentions: tuple[str, ...] = ()
    """Ids of users (U…) and user groups (S…) that the card mentions when it is posted."""
    runbook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousGroup:
    """The last group with the same key. It has its own thread, because it was resolved too long ago to continue in it."""

    id: str
    began_at: datetime
    resolved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertGroup:
    """The stored record of a group, and what its card shows. ``examples`` are some of its alerts, firing ones first."""

    id: str
    title: str
    labels: Mapping[str, str]
    """The group labels, by which Alertmanager groups."""
    common_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that all firing alerts share; if none fires, all alerts."""
    group_key: str = ""
    receiver: str = ""
    source: str = ""
    """The name of the Alertmanager, or pair of them, that reports it; empty for the unnamed one."""
    environment: str = ""
    """The name in the catalogue; empty if no label names one."""
    service: str = ""
    route: Route
    state: GroupState
    summary: str = ""
    firing: int
    """The number of alerts that fire."""
    total: int
    """The number of alerts in this episode."""
    examples: tuple[Alert, ...] = ()
    began_at: datetime
    """When the first alert of this episode began, according to Prometheus."""
    seen_at: datetime
    """When the first notification of this group arrived."""
    updated_at: datetime
    resolved_at: datetime | None = None
    previous: PreviousGroup | None = None
    episode: int = 1
    """The number of this episode: how often the group has fired in this thread."""
    state_changes: tuple[datetime, ...] = ()
    """The last times at which it changed from firing to resolved or back, newest last."""
    flapping: bool = False
    acknowledgement: Acknowledgement | None = None
    silence: AppliedSilence | None = None
    suspect: Suspect | None = None
    value: str = ""
    """The present value of the expression, as text: ``14.2 (limit 10)``."""
    storm: str = ""
    """The id of the storm that it is folded into: then it has no card of its own."""
    reply_count: int = 0
    """The number of replies in its thread, from which their keys are made."""
    external_url: str = ""
    links: tuple[AlertLink, ...] = ()
    """See ``domain.alerts.links``."""
    incident: str = ""
    """The id of the incident that it belongs to; empty without one."""
    can_declare: bool = False
    """Whether an incident can be declared for it: the catalogue has incidents."""
    truncated: bool = False

    @property
    def full_title(self) -> str:
        """Title, environment, named source and service: ``HighErrorRate · production · cluster-b · deep-echo-main``."""
        return " · ".join(dict.fromkeys(filter(None, (self.title, self.environment, self.source, self.service))))

    @property
    def severity(self) -> Severity:
        """The severity of its route."""
        return self.route.severity

    @property
    def channel(self) -> str:
        """The channel of its card."""
        return self.route.channel


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNote:
    """A reply in a group's thread. ``lines`` are details, ``log`` are lines of a program, ``chart`` is sent as a picture."""

    group_id: str
    key: str
    """Unique in the thread, so that a replay sends nothing twice."""
    at: datetime
    text: Text
    tone: Tone = Tone.PLAIN
    lines: tuple[Text, ...] = ()
    log: tuple[str, ...] = ()
    chart: Chart | None = None
