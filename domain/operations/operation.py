"""Operations: each changes the platform once. ``transitions`` has the functions that change an operation's record."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.operations.plans import Plan, Verb
from domain.people import Person, Role
from domain.rich_text import Text


class State(StrEnum):
    """The state of an operation. The last seven are final."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DRIFTED = "drifted"
    NEEDS_PERSON = "needs_person"

    @property
    def final(self) -> bool:
        """Whether the operation has ended."""
        return self not in (State.WAITING, State.RUNNING)


class Decision(StrEnum):
    """The answer to an approval: a second person's, or EXPIRED if nobody answered in time."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Phase(StrEnum):
    """The state of one service in an operation."""

    WAITING = "waiting"
    CHANGING = "changing"
    ROLLING = "rolling"
    VERIFIED = "verified"
    FAILED = "failed"
    UNTOUCHED = "untouched"
    UNKNOWN = "unknown"
    """The operation has ended, and whether it changed the service is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The approval that an operation needs, bound to the plan's digest, and its answer."""

    role: Role
    within: timedelta
    digest: str
    expires_at: datetime | None = None
    """Set when the card is delivered, because nobody can answer before."""
    decision: Decision | None = None
    decided_by: Person | None = None
    decided_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of one service. ``updated``, ``ready`` and ``desired`` count pods."""

    service: str
    phase: Phase = Phase.WAITING
    updated: int = 0
    ready: int = 0
    desired: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    detail: str = ""
    altered_template: str = ""
    """The hash of the template in the cluster's answer to the change, where an admission webhook altered the planned one; empty
    where it is as planned, or where the answer was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Who asked to cancel, and when."""

    by: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecord:
    """The stored record of an operation. ``epoch`` is incremented with every new owner: only the present owner may write."""

    id: str
    source: str
    """The key of the inbox message that requested it: a replay of that message finds this operation."""
    verb: Verb
    plan: Plan
    requested_by: Person
    requested_at: datetime
    channel: str
    reason: str = ""
    state: State
    approval: Approval | None = None
    progress: tuple[Progress, ...] = ()
    cancellation: Cancellation | None = None
    outcome: Text = ""
    end_state: tuple[Text, ...] = ()
    """The state of each service after an end that was not a success, one sentence a line."""
    ended_at: datetime | None = None
    duration: timedelta | None = None
    """For ``scale``: the earlier number of replicas is restored after this time."""
    overrides_lock: bool = False
    """A person's lock does not stop it, because somebody with the role for that requested or approved it."""
    overrides_freeze: str = ""
    """The maintenance window whose freeze does not stop it once a second person has approved it."""
    procedures_version: int = 1
    owner: str = ""
    epoch: int = 0

    @property
    def environment(self) -> str:
        """The environment that it changes."""
        return self.plan.environment

    def progress_of(self, service: str) -> Progress:
        """The progress of one service."""
        return next(each for each in self.progress if each.service == service)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a procedure, as the card and the thread show it."""

    state: State
    text: Text
    end_state: tuple[Text, ...] = ()
    unknown: tuple[str, ...] = ()
    """The services of which it is not known whether they were changed."""
