"""What goes into the outbox: logical messages with the facts they show, and how those facts are kept as text."""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from pydantic import TypeAdapter

from domain.alerts.alerts import AlertGroup, AlertNote
from domain.alerts.storms import StormCard
from domain.notes import OperationNote
from domain.operations.operation import OperationRecord
from domain.severities import Severity


class Urgency(IntEnum):
    """Which message goes first when not all can: a storm never delays a page."""

    PAGE = 0
    INCIDENT = 10
    OUTAGE = 15
    OPERATION = 20
    STORM = 25
    ALERT = 30
    DETAIL = 35
    DIGEST = 40


@dataclass(frozen=True, slots=True)
class FactKind:
    """How one type of fact is named in a row. ``version`` is raised when old rows could no longer be read."""

    name: str
    version: int
    type: type[Any]


OPERATION_CARD = FactKind("operation-card", 1, OperationRecord)
OPERATION_NOTE = FactKind("operation-note", 1, OperationNote)
ALERT_CARD = FactKind("alert-card", 1, AlertGroup)
ALERT_NOTE = FactKind("alert-note", 1, AlertNote)
STORM_CARD = FactKind("storm-card", 1, StormCard)
_EVERY = (OPERATION_CARD, OPERATION_NOTE, ALERT_CARD, ALERT_NOTE, STORM_CARD)
_KINDS = {(kind.name, kind.version): kind for kind in _EVERY}
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """The reader and writer of a dataclass as JSON, built once."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def dump(fact: object) -> str:
    """A fact as JSON."""
    return adapter(type(fact)).dump_json(fact).decode()


def load(name: str, version: int, text: str) -> Any:
    """The fact that a row holds. Raises ``KeyError`` for a kind that this version of the program does not know."""
    return adapter(_KINDS[name, version].type).validate_json(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A logical message. A ``card`` is a picture of state: a newer fact replaces one that was not sent yet.

    ``stream`` orders: everything in it goes out in the order in which it was put, but ``quiet`` cards hold nobody up.
    """

    key: str
    stream: str
    parent: str
    channel: str
    urgency: Urgency
    kind: FactKind
    fact: object
    card: bool
    quiet: bool = False


def card_key(subject: str) -> str:
    """The logical name of the card of an operation, an alert group or a storm."""
    return f"{subject}/card"


def operation_card(record: OperationRecord, *, quiet: bool) -> Outgoing:
    """The card of an operation, as it is now."""
    return Outgoing(
        key=card_key(record.id),
        stream=record.id,
        parent="",
        channel=record.channel,
        urgency=Urgency.OPERATION,
        kind=OPERATION_CARD,
        fact=record,
        card=True,
        quiet=quiet,
    )


def operation_note(record: OperationRecord, note: OperationNote, *, audit: int) -> Outgoing:
    """A reply under the card. ``audit`` is the number of the record that keeps the same event."""
    return Outgoing(
        key=f"{record.id}/t/{note.key}",
        stream=record.id,
        parent=card_key(record.id),
        channel=record.channel,
        urgency=Urgency.OPERATION,
        kind=OPERATION_NOTE,
        fact=replace(note, audit=audit),
        card=False,
    )


def alert_card(record: AlertGroup, *, quiet: bool) -> Outgoing:
    """The card of an alert group, as it is now."""
    return Outgoing(
        key=card_key(record.id),
        stream=record.id,
        parent="",
        channel=record.channel,
        urgency=_urgency(record),
        kind=ALERT_CARD,
        fact=record,
        card=True,
        quiet=quiet,
    )


def alert_note(record: AlertGroup, note: AlertNote) -> Outgoing:
    """A reply under the card. Other groups' cards go first: what is new is told before what is known is told more of."""
    return Outgoing(
        key=f"{record.id}/t/{note.key}",
        stream=record.id,
        parent=card_key(record.id),
        channel=record.channel,
        urgency=Urgency.DETAIL,
        kind=ALERT_NOTE,
        fact=note,
        card=False,
    )


def storm_card(fact: StormCard, *, quiet: bool) -> Outgoing:
    """The card of a storm, as it is now."""
    return Outgoing(
        key=card_key(fact.storm.id),
        stream=fact.storm.id,
        parent="",
        channel=fact.storm.channel,
        urgency=Urgency.STORM,
        kind=STORM_CARD,
        fact=fact,
        card=True,
        quiet=quiet,
    )


def _urgency(record: AlertGroup) -> Urgency:
    return Urgency.OUTAGE if record.severity is Severity.P0 else Urgency.ALERT
