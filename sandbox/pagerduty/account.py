"""The account: everything that changes an incident, with PagerDuty's own semantics."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from uuid import uuid4

from domain.clock import Clock
from sandbox.pagerduty.model import Incident, Json, LogEntry, Notification, Policy, Schedule, Service, Status, User

Emit = Callable[[str, Incident, Json], None]
"""Called with the type of an event (``acknowledged``), its incident and who did it."""


class NotPossible(Exception):
    """What PagerDuty would refuse: its code and its words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Account:
    """All state. Nothing here waits or sends; ``emit`` hears of every change."""

    def __init__(self, clock: Clock, users: tuple[User, ...], services: tuple[Service, ...]) -> None:
        self.clock = clock
        self.users = {user.id: user for user in users}
        self.services = {service.routing_key: service for service in services}
        self.incidents: dict[str, Incident] = {}
        self.dropped_events: list[Json] = []
        """Acknowledge and resolve events that met nothing open, as PagerDuty drops them without a word."""
        self.emit: Emit = lambda _type, _incident, _agent: None
        self._numbers = count(1)

    @property
    def policies(self) -> dict[str, Policy]:
        return {service.policy.id: service.policy for service in self.services.values()}

    @property
    def schedules(self) -> dict[str, Schedule]:
        return {target.id: target for target in self._targets() if isinstance(target, Schedule)}

    def _targets(self) -> Iterator[User | Schedule]:
        for policy in self.policies.values():
            for level in policy.levels:
                yield from level

    def user_by_email(self, email: str) -> User | None:
        return next((user for user in self.users.values() if user.email.casefold() == email.casefold()), None)

    # Events API v2

    def take_event(self, event: Json) -> None:
        """Process an event that was accepted: one alert for each key while it is open, and nothing for what is closed."""
        service, key = self.services[event["routing_key"]], event["dedup_key"]
        incident = self._open_incident(service, key)
        match event["event_action"]:
            case "trigger" if incident is None:
                self._open(service, key, event)
            case "trigger" if incident is not None:
                incident.triggers += 1
            case "acknowledge" if incident is not None and incident.status is Status.TRIGGERED:
                self._set(incident, Status.ACKNOWLEDGED, service.integration_reference)
            case "acknowledge" if incident is not None:
                pass  # who has it keeps it
            case "resolve" if incident is not None:
                self._set(incident, Status.RESOLVED, service.integration_reference)
            case _:
                self.dropped_events.append(event)

    def _open_incident(self, service: Service, key: str) -> Incident | None:
        """Of this service only: the same key with another routing key is another alert."""
        found = (each for each in self.incidents.values() if each.is_open and each.key == key and each.service is service)
        return next(found, None)

    def _open(self, service: Service, key: str, event: Json) -> None:
        number, now, payload = next(self._numbers), self.clock.now(), event["payload"]
        incident = Incident(
            id=_incident_id(number),
            number=number,
            key=key,
            service=service,
            title=payload["summary"],
            severity=payload["severity"],
            details=payload.get("custom_details") or {},
            link=event.get("client_url") or "",
            created_at=now,
            changed_at=now,
            changed_by=service.integration_reference,
        )
        self.incidents[incident.id] = incident
        self._log(incident, "trigger", service.integration_reference)
        self.emit("triggered", incident, service.integration_reference)
        self._call_level(incident)

    # What people, and the REST API in their name, do

    def acknowledge(self, incident: Incident, user: User) -> None:
        """By REST or on the phone. What is resolved is REOPENED by it; what somebody has is taken from them, and rings anew."""
        if not incident.is_open:
            self.reopen(incident, user)
        incident.assignees = (user,)
        incident.acknowledgers = (*incident.acknowledgers, user)
        self._set(incident, Status.ACKNOWLEDGED, user.reference)

    def trigger_again(self, incident: Incident, user: User) -> None:
        """``triggered`` by REST: reopens what is resolved, gives back what is acknowledged."""
        if not incident.is_open:
            self.reopen(incident, user)
        elif incident.status is Status.ACKNOWLEDGED:
            self._give_back(incident, user.reference)

    def resolve(self, incident: Incident, user: User) -> None:
        """Raises ``NotPossible`` where it is resolved already."""
        if not incident.is_open:
            raise NotPossible(1001, "Incident Already Resolved")
        self._set(incident, Status.RESOLVED, user.reference)

    def reopen(self, incident: Incident, user: User) -> None:
        """A resolved incident is open again, and everybody of the first level is called again."""
        incident.level, incident.acknowledgers = 1, ()
        self._change_status(incident, Status.TRIGGERED, user.reference)
        self._log(incident, "reopen", user.reference)
        self.emit("reopened", incident, user.reference)
        self._call_level(incident)

    def escalate(self, incident: Incident, agent: Json) -> None:
        """Hand on to the next level. Raises ``NotPossible`` behind the last."""
        if not incident.is_open or incident.level >= len(incident.service.policy.levels):
            raise NotPossible(1006, "Cannot Escalate")
        incident.level, incident.acknowledgers = incident.level + 1, ()
        self._change_status(incident, Status.TRIGGERED, agent)
        self._log(incident, "escalate", agent)
        self.emit("escalated", incident, agent)
        self._call_level(incident)

    def unacknowledge(self, incident: Incident) -> None:
        """As when the service's acknowledgement timeout is over."""
        if incident.status is Status.ACKNOWLEDGED:
            self._give_back(incident, incident.service.reference)

    def tick(self) -> None:
        """Escalate what nobody has acknowledged in time."""
        for incident in list(self.incidents.values()):
            due = incident.escalates_at
            if due is not None and due <= self.clock.now():
                self.escalate(incident, incident.service.policy.reference)

    def _give_back(self, incident: Incident, agent: Json) -> None:
        incident.acknowledgers = ()
        self._change_status(incident, Status.TRIGGERED, agent)
        self._log(incident, "unacknowledge", agent)
        self.emit("unacknowledged", incident, agent)
        self._call_level(incident)

    def _call_level(self, incident: Incident) -> None:
        incident.assignees = incident.service.policy.targets(incident.level, self.clock.now())
        for user in incident.assignees:
            incident.notifications.append(Notification(user, self.clock.now()))
            self._log(incident, "notify", incident.service.policy.reference, user=user.reference)

    def _set(self, incident: Incident, status: Status, agent: Json) -> None:
        self._change_status(incident, status, agent)
        self._log(incident, {Status.ACKNOWLEDGED: "acknowledge", Status.RESOLVED: "resolve"}[status], agent)
        self.emit(status.value, incident, agent)

    def _change_status(self, incident: Incident, status: Status, agent: Json) -> None:
        incident.status, incident.changed_at, incident.changed_by = status, self.clock.now(), agent

    def _log(self, incident: Incident, kind: str, agent: Json, **detail: Json) -> None:
        incident.log.append(LogEntry(f"R{uuid4().hex[:13].upper()}", f"{kind}_log_entry", self.clock.now(), agent, detail))


def _incident_id(number: int) -> str:
    return f"Q{hashlib.sha256(str(number).encode()).hexdigest()[:13].upper()}"
