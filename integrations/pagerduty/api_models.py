"""JSON models of PagerDuty's REST API v2 and of its webhooks v3, and their conversion to domain facts."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from domain.paging.remote import OnCallShift, RemoteEvent, RemoteEventKind, RemoteIncident, RemotePerson, RemoteStatus

_EVENT_KINDS = {
    f"incident.{kind.value}": kind
    for kind in (
        RemoteEventKind.TRIGGERED,
        RemoteEventKind.ACKNOWLEDGED,
        RemoteEventKind.UNACKNOWLEDGED,
        RemoteEventKind.ESCALATED,
        RemoteEventKind.REASSIGNED,
        RemoteEventKind.RESOLVED,
        RemoteEventKind.REOPENED,
    )
} | {"incident.delegated": RemoteEventKind.REASSIGNED, "pagey.ping": RemoteEventKind.PING}
"""The other types (notes, tasks, workflows, services, and those still to come) change no page."""
_WITH_INCIDENT = frozenset(RemoteEventKind) - {RemoteEventKind.PING, RemoteEventKind.OTHER}


class Reference(BaseModel):
    """A reference to a user, a service, a schedule or a policy."""

    id: str = ""
    type: str = ""
    summary: str | None = None

    def to_person(self) -> RemotePerson | None:
        """None for what is no user: an integration, a token, an escalation policy."""
        return RemotePerson(self.id, self.summary or "") if self.type in {"user", "user_reference"} else None


class _Assignment(BaseModel):
    assignee: Reference


class IncidentModel(BaseModel):
    """An incident. ``assignees`` is what webhooks have in place of ``assignments``; many fields of a webhook may be null."""

    id: Annotated[str, Field(min_length=1)]
    incident_key: str | None = None
    status: RemoteStatus
    title: str | None = None
    html_url: str | None = None
    created_at: AwareDatetime
    last_status_change_at: AwareDatetime | None = None
    last_status_change_by: Reference | None = None
    assignments: list[_Assignment] = Field(default_factory=list)
    assignees: list[Reference] = Field(default_factory=list)

    def to_incident(self, dedup_key: str = "") -> RemoteIncident:
        """``dedup_key``: by which it was searched. PagerDuty may have grouped that alert into an incident with another key."""
        people = [each.assignee for each in self.assignments] + self.assignees
        return RemoteIncident(
            id=self.id,
            dedup_key=dedup_key or self.incident_key or "",
            status=self.status,
            title=self.title or "",
            url=self.html_url or "",
            created_at=self.created_at,
            changed_at=self.last_status_change_at,
            changed_by=self.last_status_change_by.to_person() if self.last_status_change_by else None,
            assigned_to=tuple(person for each in people if (person := each.to_person())),
        )


class IncidentAnswer(BaseModel):
    """One incident, as PagerDuty wraps it."""

    incident: IncidentModel


class Page(BaseModel):
    """A page of a list. ``more``: whether another one follows."""

    more: bool = False


class IncidentPage(Page):
    """Incidents."""

    items: list[IncidentModel] = Field(alias="incidents")


class _LogEntry(BaseModel):
    type: str
    created_at: AwareDatetime


class LogEntryPage(Page):
    """What happened to an incident, the newest first."""

    items: list[_LogEntry] = Field(alias="log_entries")


class _OnCallModel(BaseModel):
    user: Reference
    schedule: Reference | None = None
    escalation_policy: Reference
    escalation_level: int
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None

    def to_shift(self) -> OnCallShift:
        return OnCallShift(
            person=RemotePerson(self.user.id, self.user.summary or ""),
            schedule_id=self.schedule.id if self.schedule else "",
            policy_id=self.escalation_policy.id,
            level=self.escalation_level,
            start=self.start,
            end=self.end,
        )


class OnCallPage(Page):
    """Who is on call."""

    items: list[_OnCallModel] = Field(alias="oncalls")


class _DeliveryMethod(BaseModel):
    url: str = ""
    temporarily_disabled: bool = False


class SubscriptionModel(BaseModel):
    """A webhook subscription."""

    id: str
    active: bool = True
    delivery_method: _DeliveryMethod
    events: list[str] = Field(default_factory=list)


class SubscriptionPage(Page):
    """Webhook subscriptions."""

    items: list[SubscriptionModel] = Field(alias="webhook_subscriptions")


class _UserModel(BaseModel):
    id: str
    name: str = ""
    email: str = ""


class UserPage(Page):
    """Users."""

    items: list[_UserModel] = Field(alias="users")


class _NamedSchedule(BaseModel):
    name: str | None = None
    summary: str | None = None


class ScheduleAnswer(BaseModel):
    """A schedule of either kind."""

    schedule: _NamedSchedule


class _EventModel(BaseModel):
    id: Annotated[str, Field(min_length=1, max_length=200)]
    event_type: str
    occurred_at: AwareDatetime
    agent: Reference | None = None
    data: dict[str, Any] | None = None

    def to_event(self) -> RemoteEvent:
        kind = _EVENT_KINDS.get(self.event_type, RemoteEventKind.OTHER)
        incident = IncidentModel.model_validate(self.data).to_incident() if kind in _WITH_INCIDENT else None
        by = self.agent.to_person() if self.agent else None
        return RemoteEvent(id=self.id, kind=kind, at=self.occurred_at, incident=incident, by=by)


class WebhookModel(BaseModel):
    """The body of a webhook: one event."""

    event: _EventModel


IncidentStatusChange = Literal[RemoteStatus.ACKNOWLEDGED, RemoteStatus.RESOLVED]
"""What the bot asks of an incident there. It never triggers one by REST."""
