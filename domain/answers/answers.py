"""Answers of commands, as facts that name no surface. ``bot.views`` renders each by its type."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.audit import AuditRecord
from domain.facts import Answer
from domain.operations.locks import LockRecord
from domain.operations.operation import OperationRecord
from domain.operations.plans import Plan
from domain.people import Person, Role
from domain.policies import AccessRule
from domain.rich_text import Text
from domain.workloads.deployments import Autoscaler, Owner
from domain.workloads.pod_counts import PodCounts


@dataclass(frozen=True, slots=True)
class TextAnswer(Answer):
    """One sentence, for a small thing that was done."""

    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeAnswer:
    """The whole text of an answer that a message shows only a part of."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ErrorAnswer(Answer):
    """The request failed. ``sentence`` says what happened and what the state is; ``hint`` says what to do next."""

    sentence: Text
    hint: Text = ""


@dataclass(frozen=True, slots=True)
class OperationStarted(Answer):
    """An operation was started. It has a card of its own."""

    record: OperationRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview(Answer):
    """The result of ``--dry-run``: the plan, who may request it, who would have to approve it. Nothing was changed."""

    plan: Plan
    rule: AccessRule
    approval_within: timedelta
    reason: str = ""
    duration: timedelta | None = None
    command: str = ""
    """The complete command without ``--dry-run``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """The state of one service in the cluster: what was asked for, what runs, whether it gets there, and by whom."""

    service: str
    version: str = ""
    """The version that is asked for; ``pods`` are what runs."""
    image: str = ""
    ready: int = 0
    desired: int = 0
    revision: int = 0
    since: datetime | None = None
    """When the revision that is asked for was created."""
    pods: PodCounts | None = None
    """The pods, counted now; None if they could not be counted."""
    has_arrived: bool = True
    """Whether every pod is of what was asked for, and available."""
    obstacle: Text = ""
    """Why it does not get there by itself; empty while it may."""
    autoscaler: Autoscaler | None = None
    paused: bool = False
    owner: Owner = field(default_factory=Owner)
    last_operation_id: str = ""
    """The id of the operation that set what is asked for; empty if somebody else did."""
    active_operation: OperationRecord | None = None
    """The operation that is changing it now."""
    problem: Text = ""
    """Why its state could not be read; then the other fields are empty."""

    @property
    def is_well(self) -> bool:
        """Whether it runs what was asked for, with as many ready pods."""
        return not self.problem and self.has_arrived and self.ready >= self.desired


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentStatus:
    """The state of one environment: its services in the catalogue's order, and its locks."""

    environment: str
    protected: bool
    services: tuple[ServiceStatus, ...] = ()
    locks: tuple[LockRecord, ...] = ()
    waiting: tuple[OperationRecord, ...] = ()
    """Operations in this environment that wait for an approval."""
    problem: Text = ""
    """Why its state could not be read, for example because the cluster does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer(Answer):
    """The state of the environments."""

    at: datetime
    environments: tuple[EnvironmentStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwellServices(Answer):
    """The services that do not run what was asked for, or with too few pods, by environment; the others are left out."""

    environments: tuple[EnvironmentStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """One revision of a service."""

    revision: int
    version: str
    image: str
    created_at: datetime
    running: bool = False
    """Whether it is the one that is asked for now."""
    pods: int = 0
    """How many pods of it there are now."""
    ready: int = 0
    change_cause: str = ""
    operation_id: str = ""
    """The id of the operation that set it; empty if none did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceVersions:
    """The revisions of one service, newest first."""

    service: str
    lines: tuple[VersionLine, ...] = ()
    has_arrived: bool = True
    """Whether every pod is of the revision that is asked for, and available."""
    obstacle: Text = ""
    """Why it does not get there by itself; empty while it may."""
    problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsAnswer(Answer):
    """The versions that ran in an environment and can run again."""

    environment: str
    services: tuple[ServiceVersions, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsAnswer(Answer):
    """A list of operations, newest first. ``title`` says which ones."""

    title: str
    operations: tuple[OperationRecord, ...]


@dataclass(frozen=True, slots=True)
class LocksAnswer(Answer):
    """All present locks."""

    locks: tuple[LockRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer(Answer):
    """Records of the audit log, newest first. ``query`` describes the search in words."""

    query: Text
    records: tuple[AuditRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What one person may do in one environment, alone or with the approval of another."""

    environment: str
    role: Role | None
    allowed: tuple[str, ...] = ()
    allowed_with_approval: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAmI(Answer):
    """The account and the roles of the person who asks."""

    person: Person
    name: str
    guest: bool
    stranger: bool
    time_zone: str
    permissions: tuple[Permissions, ...]
    security: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAnswer(Answer):
    """Operations and locks that concern this person now. The Home tab shows the same."""

    person: Person
    permissions: tuple[Permissions, ...]
    running: tuple[OperationRecord, ...] = ()
    waiting: tuple[OperationRecord, ...] = ()
    """Every operation that waits for an approval."""
    approvable: frozenset[str] = frozenset()
    """The ids of the waiting operations that this person may approve."""
    requested: frozenset[str] = frozenset()
    """The ids of those that run or wait because this person asked for them."""
    locks: tuple[LockRecord, ...] = ()
    own_locks: frozenset[str] = frozenset()
    """The environments that this person locked, also under another id of the account."""
    sections: tuple[Answer, ...] = ()
    """What families add to the Home tab, each with a view of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpLine:
    """One command: its syntax, an example, and what it does."""

    command: str
    usage: str
    example: str
    text: str
    needs: Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpGroup:
    """A group of related commands."""

    name: str
    lines: tuple[HelpLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpAnswer(Answer):
    """All commands, or one. ``home`` is set in the answer to ``/deepecho`` without a command."""

    groups: tuple[HelpGroup, ...]
    home: HomeAnswer | None = None


class FieldKind(StrEnum):
    """The input of a field in a form."""

    SELECT = "select"
    TEXT = "text"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormOption:
    """One option of a select. ``value`` becomes part of the command, ``label`` and ``hint`` are shown."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field. The options of a select with ``loading`` are loaded after the form has opened."""

    id: str
    label: str
    kind: FieldKind
    required: bool = True
    value: str = ""
    options: tuple[FormOption, ...] = ()
    loading: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Answer):
    """A form for what a command misses. It is built without I/O, because Slack opens it within three seconds or not at all.

    Submitted values, by field id, become a command again, as a text.
    """

    command: str
    title: str
    fields: tuple[FormField, ...]
    notice: Text = ""
    """Why a select has no options; empty if it has."""
