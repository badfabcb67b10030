"""Messages of a page: which ones a call needs, and what replaces those that failed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.paging.pages import Page, PageCall, Recipient
from domain.paging.policies import PageStep, WayName
from domain.paging.ways import PageAction
from domain.rich_text import Text

PERSONAL_WAYS = ("slack", "sms", "email")
"""Ways to the address of a person. The others go to a service that a policy names, or to the one named like the team."""


class MessageState(StrEnum):
    """The state of a message to one destination."""

    PENDING = "pending"
    SENDING = "sending"
    QUEUED = "queued"
    """In the outbox of Slack's messages, not delivered yet."""
    SENT = "sent"
    """A service accepted it, and promises no more."""
    DELIVERED = "delivered"
    UNCERTAIN = "uncertain"
    """It may have been sent, and is not sent again, because that could be twice."""
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    STOPPED = "stopped"
    """Not sent, because somebody had acknowledged or the subject had ended."""

    @property
    def is_unsettled(self) -> bool:
        """Whether something is still to come."""
        return self in (MessageState.PENDING, MessageState.SENDING, MessageState.QUEUED)

    @property
    def has_arrived(self) -> bool:
        """Whether a service has it."""
        return self in (MessageState.SENT, MessageState.DELIVERED, MessageState.SUPPRESSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One message to one destination. ``position`` is the place of its way in the step.

    ``is_late``: an attempt failed or took too long, so that the next way is used as well, while this one goes on being tried.
    """

    key: str
    page_id: str
    call: int
    position: int
    person: str
    way: str
    destination: str
    dedup_key: str
    action: PageAction = PageAction.TRIGGER
    state: MessageState = MessageState.PENDING
    is_late: bool = False
    is_repeated: bool = False
    """Sent again, because the first may not have arrived."""
    error: Text = ""
    settled_at: datetime | None = None

    @property
    def is_promising(self) -> bool:
        """Whether it has arrived, or may be expected to soon."""
        return self.state.has_arrived or (self.state.is_unsettled and not self.is_late)


def destination_of(way: WayName, recipient: Recipient, team: str) -> str:
    """Where a way goes to for a person; empty if the catalogue does not say."""
    return recipient.address(way.way) if way.way in PERSONAL_WAYS else way.service or team


def message_key(page: Page, call: int, way: str, destination: str) -> str:
    """Names one message of one call. Two people with the same number are called there once."""
    return f"{page.id}/{call}/{way}/{destination}"


def missing_messages(page: Page, stored: Sequence[StoredMessage], deduplicating: frozenset[str]) -> tuple[StoredMessage, ...]:
    """The messages that the last call still needs: at first, and again after each failure.

    ``stored`` are all triggers of the page. ``deduplicating`` are ways that ring once for a page, whatever is sent: what has
    arrived there in an earlier call is not sent again.
    """
    if page.policy is None or not page.call:
        return ()
    call = page.call - 1
    step = page.policy.step_of(call)
    known = {(each.way, each.destination): each for each in stored if _counts_for(each, call, deduplicating)}
    confirmed = {each.name for each in page.confirmations}
    missing: list[StoredMessage] = []
    for recipient in page.called:
        if recipient.name not in confirmed:
            new = _missing_for(page, call, step, recipient, known)
            known.update({(each.way, each.destination): each for each in new})
            missing += new
    return tuple(missing)


def _missing_for(
    page: Page, call: int, step: PageStep, recipient: Recipient, known: dict[tuple[str, str], StoredMessage]
) -> list[StoredMessage]:
    """Go through the ways until as many are promising as should be used at once."""
    promising, new = 0, []
    for position, way in enumerate(step.ways):
        if promising >= step.at_once:
            break
        destination = destination_of(way, recipient, page.request.team)
        found = known.get((way.way, destination)) if destination else known.get((way.way, f"-{recipient.name}"))
        if found is None:
            found = _message(page, call, position, recipient, way, destination)
            new.append(found)
        promising += found.is_promising
    return new


def _message(page: Page, call: int, position: int, recipient: Recipient, way: WayName, destination: str) -> StoredMessage:
    # Without an address the row says that this way failed, and the place of the address keeps it from being made again.
    target = destination or f"-{recipient.name}"
    key = message_key(page, call, way.way, target)
    return StoredMessage(
        key=key,
        page_id=page.id,
        call=call,
        position=position,
        person=recipient.name,
        way=way.way,
        destination=target,
        dedup_key=page.id,
        state=MessageState.PENDING if destination else MessageState.FAILED,
        error="" if destination else f"the catalogue has no {way.way} address of {recipient.name}",
    )


def repeated_messages(page: Page, stored: Sequence[StoredMessage]) -> tuple[StoredMessage, ...]:
    """What is sent once more, because it may not have arrived and no other way is left to that person.

    Twice is better than never; the second one says that it is a repetition.
    """
    call, repeated = page.call - 1, []
    for recipient in page.called:
        own = [each for each in stored if each.call == call and each.person == recipient.name]
        if any(each.is_promising or each.is_repeated for each in own):
            continue
        uncertain = [each for each in own if each.state is MessageState.UNCERTAIN][:1]
        repeated += [
            replace(each, key=f"{each.key}/again", state=MessageState.PENDING, is_repeated=True, error="") for each in uncertain
        ]
    return tuple(repeated)


def reaches_nobody(page: Page, stored: Iterable[StoredMessage], deduplicating: frozenset[str]) -> bool:
    """Whether no message of the last call has arrived, nor may be expected to soon."""
    call = page.call - 1
    return not any(each.is_promising for each in stored if _counts_for(each, call, deduplicating))


def _counts_for(message: StoredMessage, call: int, deduplicating: frozenset[str]) -> bool:
    """Whether the call has this message already: its own, or one of an earlier call that is not over or has arrived."""
    is_standing = message.state.is_unsettled or message.state.has_arrived
    return message.call == call or (message.way in deduplicating and is_standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMessage:
    """A message that this replica sends now, and what it says. ``attempts`` includes the present one."""

    message: StoredMessage
    call: PageCall
    attempts: int
    created_at: datetime

    @property
    def bundle(self) -> str:
        """The id of the pages that it announces together; empty for one."""
        return self.call.bundle if self.message.action is PageAction.TRIGGER else ""

    @property
    def outbox_key(self) -> str:
        """The key of its card, where it goes out as one."""
        return self.bundle or self.message.key


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCard:
    """A page with everything that was sent for it, for a page whose subject has no card of its own."""

    page: Page
    messages: tuple[StoredMessage, ...]
