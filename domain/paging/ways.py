"""Ways out: how a page reaches a person or another system."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.rich_text import Text, plain_text
from domain.severities import Severity


class PageAction(StrEnum):
    """What a message asks of its receiver: call somebody, stop calling, forget it."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMessage:
    """What is sent by one way to one destination. Each way writes it as its surface allows."""

    page_id: str
    dedup_key: str
    """Equal for all messages of one page. It is never triggered again once it was resolved: what comes up again has a new key."""
    action: PageAction = PageAction.TRIGGER
    severity: Severity
    title: Text
    lines: tuple[Text, ...] = ()
    """Facts, the most important first: a way with little room leaves out the last ones."""
    link: str = ""
    """Where a person looks on: an address, or empty."""
    source: str = ""
    """What is affected: a service, a team."""
    raised_at: datetime
    message_id: str = ""
    """Equal for each attempt to send this message, another one for the next step. Empty: key and action say which it is."""
    is_test: bool = False

    @property
    def identity(self) -> str:
        """By which a receiver knows that it has this message already."""
        return self.message_id or f"{self.page_id} {self.dedup_key} {self.action}"

    @property
    def headline(self) -> str:
        """``TEST P1 deep-echo-main: many errors``, after ``ACKNOWLEDGED`` or ``RESOLVED`` where it is. One line."""
        word = {PageAction.TRIGGER: "", PageAction.ACKNOWLEDGE: "ACKNOWLEDGED", PageAction.RESOLVE: "RESOLVED"}[self.action]
        return " ".join(filter(None, ("TEST" if self.is_test else "", word, self.severity, self.plain_title)))

    @property
    def plain_title(self) -> str:
        """The title as plain text in one line."""
        return _one_line(self.title)

    @property
    def facts(self) -> tuple[str, ...]:
        """The lines as plain text, each in one line."""
        return tuple(_one_line(line) for line in self.lines)


def _one_line(text: Text) -> str:
    """Titles come from labels, which may hold line breaks, control characters and marks that turn the writing direction."""
    return " ".join("".join(each if each.isprintable() else " " for each in plain_text(text)).split())


class Handover(StrEnum):
    """How far a message got for certain. Only ``DELIVERED`` means that it is where a person reads it."""

    ACCEPTED = "accepted"
    """The service took it and promises no more: a 202 of PagerDuty, a MessageId of SNS, a 250 of a mail server."""
    DELIVERED = "delivered"
    SUPPRESSED = "suppressed"
    """Not sent, because it would do harm or nothing: a trigger after its own resolve."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a service answered. ``reference`` is its own id, for people who search there; empty where it gave none."""

    handover: Handover
    reference: str = ""
    note: Text = ""
    """What else is worth a line: ``2 SMS parts``."""


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often a message is tried by this way before the next one has to do, and how long to wait in between."""

    attempts: int
    initial_seconds: float
    maximum_seconds: float


class PageWay(Protocol):
    """One way out. It sends once and does not retry."""

    @property
    def name(self) -> str:
        """``pagerduty``, ``sms``, ``email``, ``webhook``, ``slack``: the word in policies."""
        ...

    @property
    def mirrors(self) -> bool:
        """Whether the receiver has a state of its own that acknowledge and resolve have to reach."""
        ...

    @property
    def repeats_safely(self) -> bool:
        """Whether the same message twice is one to the receiver, so that an unknown outcome may be sent again."""
        ...

    @property
    def retries(self) -> RetryRule:
        """The service's own rules."""
        ...

    async def send(self, message: PageMessage, destination: str) -> Receipt:
        """Send to a phone number (E.164), a mail address, or the name of a PagerDuty service or webhook in the settings.

        Raises ``TemporaryError`` (nothing was sent; with ``retry_after`` where the service named a time), ``UnknownOutcome``
        (it may have been sent) and ``PermanentError`` (it will never go this way).
        """
        ...
