"""Pages: a call for help about one subject, from the request until somebody has taken it or it has ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.notes import Tone
from domain.paging.policies import PagePolicy
from domain.people import Person
from domain.rich_text import Text
from domain.severities import Severity


class PageState(StrEnum):
    """The state of a page. After an end nothing brings it back: what comes up again is another page."""

    OPEN = "open"
    """People are called, step by step."""
    FOLDED = "folded"
    """Another page about the same cause is open; nobody is called for this one."""
    UNANSWERED = "unanswered"
    """Everybody was called, nobody answered. An acknowledgement still counts."""
    ACKNOWLEDGED = "acknowledged"
    ENDED = "ended"

    @property
    def is_waiting(self) -> bool:
        """Whether an acknowledgement would change it."""
        return self in (PageState.OPEN, PageState.FOLDED, PageState.UNANSWERED)


WAITING_STATES = tuple(state for state in PageState if state.is_waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """What is to be paged. The same ``subject`` and ``kind`` are one page, however often it is asked for.

    ``cause``: pages of the same cause are folded into one; empty for none. ``whom`` replaces the people of the policy's first
    step, in a policy's words: ``lead``, ``person:lee``. ``environment`` is where its subject is, for rights; empty for nowhere.
    """

    subject: str
    kind: str = "opened"
    cause: str = ""
    severity: Severity
    team: str
    environment: str = ""
    title: Text
    lines: tuple[Text, ...] = ()
    link: str = ""
    is_test: bool = False
    is_private: bool = False
    """Whether only those who were called may acknowledge it: who does so takes part in its subject."""
    whom: tuple[str, ...] = ()
    asked_by: Person | None = None
    channel: str = ""
    """Where a card of the page itself is shown; empty where its subject has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody who is called, with the addresses of the catalogue; those that are not known are empty."""

    name: str
    slack: str = ""
    phone: str = ""
    email: str = ""
    pagerduty: str = ""

    @property
    def can_answer(self) -> bool:
        """Whether an acknowledgement of theirs can be told from that of others."""
        return bool(self.slack or self.pagerduty)

    def address(self, way: str) -> str:
        """Where this way reaches the person; empty if that is not known."""
        return {"slack": self.slack, "sms": self.phone, "email": self.email}.get(way, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Who takes care of it. ``by`` is None for somebody whom only ``name`` identifies: a user of PagerDuty.

    ``door`` says where: ``command``, ``slack``, ``pagerduty``, ``incident``. ``remote_key`` is the dedup key of what was
    acknowledged elsewhere: it is not told so again.
    """

    by: Person | None
    name: str
    at: datetime
    door: str
    remote_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page. ``call`` is the number of the next call; ``due_at`` is when that is, None when nothing is due any more.

    ``policy`` is what held when the first call was made. ``called`` are the people of the last call.
    """

    id: str
    request: PageRequest
    requested_at: datetime
    state: PageState = PageState.OPEN
    due_at: datetime | None
    due_since: datetime
    """When ``due_at`` was set. A time yet to come shows that the clock was set back since."""
    policy: PagePolicy | None = None
    call: int = 0
    called: tuple[Recipient, ...] = ()
    folded_into: str = ""
    confirmations: tuple[Acknowledgement, ...] = ()
    acknowledgement: Acknowledgement | None = None
    unanswered_at: datetime | None = None
    ended_at: datetime | None = None
    final_reason: Text = ""
    """Why nothing is due any more; empty while something is."""
    held_by: str = ""
    """What held its last due call back, by its id."""
    numbers_shown: bool = False
    """Whether people were told the telephone numbers, because no way worked."""

    @property
    def subject(self) -> str:
        """The id of the incident, test or command that it is about."""
        return self.request.subject

    @property
    def needs_everybody(self) -> bool:
        """Whether each of the people of the last call has to confirm for themselves."""
        return self.policy is not None and self.call > 0 and self.policy.step_of(self.call - 1).everybody_confirms


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHold:
    """Why nobody is called for now. ``by`` is the id of what says so; it is asked again before ``until``."""

    by: str
    until: datetime
    reason: Text


class PageNoteKind(StrEnum):
    """What happened to a page."""

    CALLING = "calling"
    SENT = "sent"
    """A service accepted a message, and promises no more."""
    DELIVERED = "delivered"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    FOLDED = "folded"
    HELD = "held"
    NUMBERS = "numbers"
    CONFIRMED = "confirmed"
    ACKNOWLEDGED = "acknowledged"
    ON_ITS_WAY = "on-its-way"
    """Stopped while a message was being sent, which may still arrive."""
    RESOLVED_ELSEWHERE = "resolved-elsewhere"
    UNANSWERED = "unanswered"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageNote:
    """Something that happened to a page, for the card and the timeline of its subject. ``key`` is unique for the page."""

    page_id: str
    subject: str
    key: str
    kind: PageNoteKind
    at: datetime
    text: Text
    tone: Tone = Tone.PLAIN
    lines: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCall:
    """What one message says to one person. ``others`` are pages that it announces too, and ``more`` how many besides.

    ``bundle`` is the id by which all of them are acknowledged together; empty for a message about one page.
    """

    page: Page
    person: str
    destination: str
    bundle: str = ""
    others: tuple[Page, ...] = ()
    more: int = 0
    is_repeated: bool = False
    """Sent again, because the first may not have arrived."""

    @property
    def id(self) -> str:
        """What is acknowledged: ``pg-k7m2``, or ``pb-k7m2`` for several together."""
        return self.bundle or self.page.id
