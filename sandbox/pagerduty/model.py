"""What an account of the stand-in holds: people, services, policies, schedules, incidents."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

Json = dict[str, Any]
MINUTES_UNTIL_ESCALATION = 5


class Status(StrEnum):
    """PagerDuty's three states of an incident."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with an account and a phone."""

    id: str
    name: str
    email: str

    @property
    def reference(self) -> Json:
        return _reference("user", self.id, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Somebody's turn in a schedule."""

    user: User
    start: datetime
    end: datetime

    def covers(self, at: datetime) -> bool:
        return self.start <= at < self.end


@dataclass(slots=True, kw_only=True)
class Schedule:
    """``shift_based``: of the newer kind (v3), in which several people can be on call at once; otherwise of layers."""

    id: str
    name: str
    shifts: tuple[Shift, ...] = ()
    shift_based: bool = False

    @property
    def reference(self) -> Json:
        return _reference("schedule", self.id, self.name)


@dataclass(slots=True, kw_only=True)
class Policy:
    """Who is called, level by level; a level without an answer hands on after ``minutes``."""

    id: str
    name: str
    levels: tuple[tuple[User | Schedule, ...], ...]
    minutes: int = MINUTES_UNTIL_ESCALATION

    @property
    def reference(self) -> Json:
        return _reference("escalation_policy", self.id, self.name)

    def targets(self, level: int, at: datetime) -> tuple[User, ...]:
        """Everybody of a level (from 1) at that time; nobody in a gap of a schedule."""
        found: dict[str, User] = {}
        for target in self.levels[level - 1]:
            shifts = target.shifts if isinstance(target, Schedule) else ()
            users = [shift.user for shift in shifts if shift.covers(at)] if isinstance(target, Schedule) else [target]
            found |= {user.id: user for user in users}
        return tuple(found.values())


@dataclass(slots=True, kw_only=True)
class Service:
    """What alerts belong to; ``routing_key`` is its integration key of Events API v2."""

    id: str
    name: str
    routing_key: str
    policy: Policy

    @property
    def reference(self) -> Json:
        return _reference("service", self.id, self.name)

    @property
    def integration_reference(self) -> Json:
        """Who acts where an event did, not a person."""
        return _reference("inbound_integration", f"I{self.id[1:]}", "Events API v2")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that happened to an incident: ``trigger_log_entry``, ``notify_log_entry`` and so on."""

    id: str
    type: str
    at: datetime
    agent: Json
    detail: Json


@dataclass(frozen=True, slots=True)
class Notification:
    """One call of one phone."""

    user: User
    at: datetime


@dataclass(slots=True, kw_only=True)
class Incident:
    """One incident, which has one alert: the stand-in does not group."""

    id: str
    number: int
    key: str
    service: Service
    title: str
    severity: str
    details: Json
    link: str
    created_at: datetime
    status: Status = Status.TRIGGERED
    changed_at: datetime
    changed_by: Json
    level: int = 1
    assignees: tuple[User, ...] = ()
    acknowledgers: tuple[User, ...] = ()
    triggers: int = 1
    log: list[LogEntry] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status is not Status.RESOLVED

    @property
    def escalates_at(self) -> datetime | None:
        """When the next level is called; None where somebody has it, or nobody comes after."""
        if self.status is not Status.TRIGGERED or self.level >= len(self.service.policy.levels):
            return None
        return self.changed_at + timedelta(minutes=self.service.policy.minutes)


def _reference(kind: str, identifier: str, summary: str) -> Json:
    return {"id": identifier, "type": f"{kind}_reference", "summary": summary, "self": None, "html_url": None}
