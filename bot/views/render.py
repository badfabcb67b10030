"""From a fact to what people see, dispatched on the fact's type."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from bot.views import alert_answers, alert_card, answers, home, locks, operation_card, status, storm_card
from bot.views.markup.document import Document
from bot.views.markup.message import Message, message_of
from bot.views.markup.terminal import text_of
from domain.alerts.alerts import AlertGroup, AlertNote
from domain.alerts.storms import StormCard
from domain.answers.alerts import AlertsAnswer, RouteAnswer, SilencesAnswer
from domain.answers.answers import (
    Answer,
    AuditAnswer,
    ErrorAnswer,
    Form,
    HelpAnswer,
    HomeAnswer,
    LocksAnswer,
    OperationsAnswer,
    OperationStarted,
    Preview,
    StatusAnswer,
    TextAnswer,
    VersionsAnswer,
    WhoAmI,
)
from domain.notes import OperationNote
from domain.operations.operation import OperationRecord
from domain.operations.version_choices import VersionChoices

Fact = Answer | OperationRecord | OperationNote | AlertGroup | AlertNote | StormCard

_VIEWS: Mapping[type, Callable[[Any], Document]] = {
    OperationRecord: operation_card.card,
    OperationNote: operation_card.note,
    AlertGroup: alert_card.card,
    AlertNote: alert_card.note,
    StormCard: storm_card.card,
    AlertsAnswer: alert_answers.alerts,
    RouteAnswer: alert_answers.route,
    SilencesAnswer: alert_answers.silences,
    TextAnswer: answers.text,
    ErrorAnswer: answers.error,
    OperationStarted: answers.started,
    Preview: answers.preview,
    VersionChoices: answers.version_choices,
    StatusAnswer: status.status,
    VersionsAnswer: status.versions,
    OperationsAnswer: answers.operations,
    LocksAnswer: locks.locks,
    AuditAnswer: answers.audit,
    WhoAmI: home.who_am_i,
    HomeAnswer: home.home,
    HelpAnswer: home.help_answer,
    Form: answers.form_as_text,
}


def render(fact: Fact, now: datetime | None = None) -> Message:
    """The fact as a Slack message. ``now`` lets the card of a running operation say how long it has taken."""
    return message_of(_document(fact, now))


def render_text(fact: Fact, now: datetime | None = None, zone: tzinfo | None = None) -> str:
    """The fact as plain text; ``zone`` adds the reader's own time to UTC."""
    return text_of(_document(fact, now), zone)


def _document(fact: Fact, now: datetime | None) -> Document:
    return operation_card.card(fact, now) if isinstance(fact, OperationRecord) else _VIEWS[type(fact)](fact)
