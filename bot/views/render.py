"""From a fact to what people see, dispatched on the fact's type."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from bot.views import alert, alert_answers, answers, home, locks, operation, status, storm
from bot.views.message import Message, message_of
from bot.views.page import Page
from bot.views.terminal import text_of
from domain.alert_answers import AlertsAnswer, RouteAnswer, SilencesAnswer
from domain.alerts import AlertGroup, AlertNote
from domain.answers import (
    Answer,
    AuditAnswer,
    Complaint,
    Form,
    HelpAnswer,
    HomeAnswer,
    LocksAnswer,
    OperationsAnswer,
    Preview,
    Said,
    Started,
    StatusAnswer,
    VersionChoices,
    VersionsAnswer,
    WhoAmI,
)
from domain.facts import OperationNote
from domain.operations import OperationRecord
from domain.storms import StormCard

Fact = Answer | OperationRecord | OperationNote | AlertGroup | AlertNote | StormCard

_PAGES: Mapping[type, Callable[[Any], Page]] = {
    OperationRecord: operation.card,
    OperationNote: operation.note,
    AlertGroup: alert.card,
    AlertNote: alert.note,
    StormCard: storm.card,
    AlertsAnswer: alert_answers.alerts,
    RouteAnswer: alert_answers.route,
    SilencesAnswer: alert_answers.silences,
    Said: answers.said,
    Complaint: answers.complaint,
    Started: answers.started,
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
    Form: answers.form_wanted,
}


def render(fact: Fact, now: datetime | None = None) -> Message:
    """The fact as a Slack message. ``now`` lets the card of a running operation say how long it has taken."""
    return message_of(_page(fact, now))


def render_text(fact: Fact, now: datetime | None = None, zone: tzinfo | None = None) -> str:
    """The fact as plain text; ``zone`` adds the reader's own time to UTC."""
    return text_of(_page(fact, now), zone)


def _page(fact: Fact, now: datetime | None) -> Page:
    return operation.card(fact, now) if isinstance(fact, OperationRecord) else _PAGES[type(fact)](fact)
