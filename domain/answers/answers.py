"""What commands answer: facts, without a word of Slack's. ``bot.views`` renders each by its type."""

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
from domain.sentences import Text
from domain.workloads.deployments import Autoscaler, Owner


@dataclass(frozen=True, slots=True)
class TextAnswer(Answer):
    """One plain sentence: something small was done."""

    text: Text


@dataclass(frozen=True, slots=True)
class ErrorAnswer(Answer):
    """It was not done. ``sentence``: what happened and what stands; ``hint``: how to say it, or what to do next."""

    sentence: Text
    hint: Text = ""


@dataclass(frozen=True, slots=True)
class OperationStarted(Answer):
    """An operation exists now; its card tells the rest."""

    record: OperationRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview(Answer):
    """What ``--dry-run`` shows: the plan, who may ask for it, who would have to approve it. Nothing was changed."""

    plan: Plan
    rule: AccessRule
    approval_within: timedelta
    reason: str = ""
    duration: timedelta | None = None
    command: str = ""
    """The same command without ``--dry-run``, ready to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """One service as it stands in the cluster."""

    service: str
    version: str = ""
    image: str = ""
    ready: int = 0
    desired: int = 0
    revision: int = 0
    since: datetime | None = None
    """When the running revision was made."""
    autoscaler: Autoscaler | None = None
    paused: bool = False
    owner: Owner = field(default_factory=Owner)
    last_operation_id: str = ""
    """The id of the operation that made it so, where one did."""
    active_operation: OperationRecord | None = None
    """The operation that works on it now."""
    problem: Text = ""
    """Why nothing is known of it, in words; then the other fields are empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentStatus:
    """One environment: its services in the catalogue's order, and who has locked what."""

    environment: str
    protected: bool
    services: tuple[ServiceStatus, ...] = ()
    locks: tuple[LockRecord, ...] = ()
    waiting: tuple[OperationRecord, ...] = ()
    """Operations here that wait for an approval."""
    problem: Text = ""
    """Why nothing is known of it (the cluster does not answer), in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer(Answer):
    """How the environments stand."""

    at: datetime
    environments: tuple[EnvironmentStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """One revision of a service."""

    revision: int
    version: str
    image: str
    created_at: datetime
    running: bool = False
    change_cause: str = ""
    operation_id: str = ""
    """The id of the operation that made it, where one did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceVersions:
    """What one service ran, newest first."""

    service: str
    lines: tuple[VersionLine, ...] = ()
    problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsAnswer(Answer):
    """What ran in an environment and can run again."""

    environment: str
    services: tuple[ServiceVersions, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsAnswer(Answer):
    """Operations, newest first. ``title`` says which: running ones, or the last ones."""

    title: str
    operations: tuple[OperationRecord, ...]


@dataclass(frozen=True, slots=True)
class LocksAnswer(Answer):
    """Every lock that is held now."""

    locks: tuple[LockRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer(Answer):
    """Entries of the audit log, newest first. ``asked`` repeats in words what was looked for."""

    query: Text
    records: tuple[AuditRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What one person may do in one environment. ``alone`` needs nobody else, ``asks`` needs another's approval."""

    environment: str
    role: Role | None
    allowed: tuple[str, ...] = ()
    allowed_with_approval: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAmI(Answer):
    """How the bot knows the person who asks."""

    person: Person
    name: str
    guest: bool
    stranger: bool
    time_zone: str
    permissions: tuple[Permissions, ...]
    security: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAnswer(Answer):
    """What concerns this person here, now. Also the Home tab."""

    person: Person
    permissions: tuple[Permissions, ...]
    running: tuple[OperationRecord, ...] = ()
    waiting: tuple[OperationRecord, ...] = ()
    """Every operation that waits for an approval."""
    approvable: frozenset[str] = frozenset()
    """The ids of those waiting ones that this person may approve."""
    requested: frozenset[str] = frozenset()
    """The ids of those that run or wait because this person asked for them."""
    locks: tuple[LockRecord, ...] = ()
    sections: tuple[Answer, ...] = ()
    """What families add to the Home tab, each with a view of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpLine:
    """One command: how it is written, one real example, what it does."""

    command: str
    usage: str
    example: str
    text: str
    needs: Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpGroup:
    """Commands that belong together."""

    name: str
    lines: tuple[HelpLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpAnswer(Answer):
    """Every command (or the one asked about). ``here`` is there for ``/deepecho`` alone."""

    groups: tuple[HelpGroup, ...]
    home: HomeAnswer | None = None


class FieldKind(StrEnum):
    """How a field of a form is filled."""

    SELECT = "select"
    TEXT = "text"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormOption:
    """One thing to choose in a select: ``value`` goes into the command, ``label`` is read, ``hint`` is small print."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field. A select with ``loading`` gets its choices from ``commands.forms.choices`` after the form has opened."""

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
    """Something is missing, so it is asked for. Made without I/O, because a form has three seconds to open.

    Submitted values (field id to text) become a command again through ``commands.forms.form_text``.
    """

    command: str
    title: str
    fields: tuple[FormField, ...]
    notice: Text = ""
    """Why there is nothing to choose, where that is so."""
