"""What another paging service tells of its incidents and of who is on call there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RemoteStatus(StrEnum):
    """The state of an incident there."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class RemotePerson:
    """A user of the service: ``id`` is what ``people`` in the catalogue name, ``name`` is for people, empty where not told."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteIncident:
    """An incident as it is there. ``dedup_key`` is the page's; an incident that somebody made there has one of its own."""

    id: str
    dedup_key: str
    status: RemoteStatus
    title: str = ""
    url: str = ""
    created_at: datetime
    changed_at: datetime | None = None
    """When its state last changed; a webhook does not tell."""
    changed_by: RemotePerson | None = None
    """Who changed its state last; None for the service itself, an integration or a token."""
    assigned_to: tuple[RemotePerson, ...] = ()


class RemoteEventKind(StrEnum):
    """What happened there. ``OTHER`` is nothing that pages care about, now or in a later version of the service."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    ESCALATED = "escalated"
    REASSIGNED = "reassigned"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    PING = "ping"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEvent:
    """One event. The same ``id`` is the same event: no second one changes anything.

    ``by`` is the person who did it; None where the service, an integration or a token did, as our own acts come back.
    """

    id: str
    kind: RemoteEventKind
    at: datetime
    incident: RemoteIncident | None = None
    by: RemotePerson | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallShift:
    """Somebody is on call there, at one level of an escalation policy. None: since ever, without an end."""

    person: RemotePerson
    schedule_id: str
    """Empty for a person whom the policy names directly."""
    policy_id: str
    level: int
    start: datetime | None
    end: datetime | None
