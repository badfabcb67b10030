"""Messages for the outbox: their keys, streams and urgency, and the facts that they show, which are stored as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from pydantic import TypeAdapter

from domain.alerts.alerts import AlertGroup, AlertNote
from domain.alerts.storms import StormCard
from domain.notes import OperationNote
from domain.operations.operation import OperationRecord
from domain.people import Person
from domain.severities import Severity


class Urgency(IntEnum):
    """Which message goes first when rate limits hold messages back: a storm never delays a page."""

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
    """The name of a type of fact in a row. ``version`` is incremented when old rows can no longer be read."""

    name: str
    version: int
    fact_type: type[Any]
    is_personal: bool = False
    """One person has asked for it: where it cannot reach them, nobody else gets it."""

    def load(self, text: str) -> Any:
        """The fact that a row of this kind holds."""
        return type_adapter(self.fact_type).validate_json(text)


OPERATION_CARD = FactKind("operation-card", 1, OperationRecord)
OPERATION_NOTE = FactKind("operation-note", 1, OperationNote)
ALERT_CARD = FactKind("alert-card", 1, AlertGroup)
ALERT_NOTE = FactKind("alert-note", 1, AlertNote)
STORM_CARD = FactKind("storm-card", 1, StormCard)
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def type_adapter(fact_type: type[Any]) -> TypeAdapter[Any]:
    """The pydantic adapter of a dataclass. It is built once, because that takes milliseconds."""
    if fact_type not in _ADAPTERS:
        _ADAPTERS[fact_type] = TypeAdapter(fact_type)
    return _ADAPTERS[fact_type]


def dump(fact: object) -> str:
    """Serialize a fact as JSON."""
    return type_adapter(type(fact)).dump_json(fact).decode()


class FactKinds:
    """Every kind of fact that the outbox may hold, by name and version."""

    def __init__(self, kinds: Iterable[FactKind]) -> None:
        self._by_name = {(kind.name, kind.version): kind for kind in kinds}

    def load(self, name: str, version: int, text: str) -> Any:
        """The fact that a row holds. Raises ``KeyError`` for a kind that this version of the program does not know."""
        return self._by_name[name, version].load(text)

    def is_personal(self, name: str, version: int) -> bool:
        """Whether such a message is for one person only."""
        return self._by_name[name, version].is_personal


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A message by its key. A ``card`` shows a state: a newer fact replaces one that was not sent yet.

    Messages of one ``stream`` are sent in the order in which they were added, except that none waits for a ``low_priority`` card.
    """

    key: str
    stream: str
    parent: str
    channel: str
    urgency: Urgency
    kind: FactKind
    fact: object
    card: bool
    low_priority: bool = False


def card_key(subject: str) -> str:
    """The key of the card of an operation, an alert group or a storm."""
    return f"{subject}/card"


def card_of(
    subject: str, kind: FactKind, fact: object, *, channel: str, urgency: Urgency = Urgency.OPERATION, low_priority: bool = False
) -> OutboxMessage:
    """The card of a subject in its present state. Replies go into its thread."""
    return OutboxMessage(
        key=card_key(subject),
        stream=subject,
        parent="",
        channel=channel,
        urgency=urgency,
        kind=kind,
        fact=fact,
        card=True,
        low_priority=low_priority,
    )


def reply_to(subject: str, key: str, kind: FactKind, fact: object, *, channel: str) -> OutboxMessage:
    """A reply in the thread of a subject's card. ``key`` is unique in it."""
    return OutboxMessage(
        key=f"{subject}/t/{key}",
        stream=subject,
        parent=card_key(subject),
        channel=channel,
        urgency=Urgency.OPERATION,
        kind=kind,
        fact=fact,
        card=False,
    )


def direct_message(kind: FactKind, fact: object, person: Person, source: str) -> OutboxMessage:
    """What a person asked for and gets beside the answer, once. ``source`` is the key of the request."""
    key = f"{kind.name}/{source}"
    return OutboxMessage(
        key=key, stream=key, parent="", channel=person.user_id, urgency=Urgency.DETAIL, kind=kind, fact=fact, card=False
    )


def operation_card(record: OperationRecord, *, low_priority: bool) -> OutboxMessage:
    """The card of an operation in its present state."""
    return card_of(record.id, OPERATION_CARD, record, channel=record.channel, low_priority=low_priority)


def operation_note(record: OperationRecord, note: OperationNote, *, audit_number: int) -> OutboxMessage:
    """A reply in the operation's thread. ``audit_number`` is the number of the audit record of the same event."""
    fact = replace(note, audit_number=audit_number)
    return reply_to(record.id, note.key, OPERATION_NOTE, fact, channel=record.channel)


def alert_card(group: AlertGroup, *, low_priority: bool) -> OutboxMessage:
    """The card of an alert group in its present state."""
    urgency = Urgency.OUTAGE if group.severity is Severity.P0 else Urgency.ALERT
    return card_of(group.id, ALERT_CARD, group, channel=group.channel, urgency=urgency, low_priority=low_priority)


def alert_note(group: AlertGroup, note: AlertNote) -> OutboxMessage:
    """A reply in the thread of the group, or of its storm.

    Cards of other groups go first: a new alert matters more than details of a known one.
    """
    thread = group.storm or group.id
    return OutboxMessage(
        key=f"{group.id}/t/{note.key}",
        stream=thread,
        parent=card_key(thread),
        channel=group.channel,
        urgency=Urgency.DETAIL,
        kind=ALERT_NOTE,
        fact=note,
        card=False,
    )


def storm_card(fact: StormCard, *, low_priority: bool) -> OutboxMessage:
    """The card of a storm in its present state."""
    storm = fact.storm
    return card_of(storm.id, STORM_CARD, fact, channel=storm.channel, urgency=Urgency.STORM, low_priority=low_priority)
