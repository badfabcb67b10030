"""What became of a message, in words."""

from datetime import datetime

from domain.notes import Tone
from domain.paging.messages import MessageState, StoredMessage
from domain.paging.pages import Page, PageNote, PageNoteKind
from domain.paging.transitions import note
from domain.rich_text import Text, sentence

WAY_LABELS = {"sms": "SMS", "email": "e-mail", "slack": "Slack", "pagerduty": "PagerDuty", "webhook": "webhook"}


def outcome_note(page: Page, message: StoredMessage, at: datetime) -> PageNote:
    """The note about one message, for the card and the timeline of the page's subject."""
    kind, tone, text = _describe(page, message)
    return note(page, kind, at, text, key=f"{kind.value}/{message.key}", tone=tone)


def _describe(page: Page, message: StoredMessage) -> tuple[PageNoteKind, Tone, Text]:
    to = f"{way_label(message)} to {message.person}"
    together = "" if message.dedup_key == page.id else ", together with other pages"
    match message.state:
        case MessageState.DELIVERED:
            return PageNoteKind.DELIVERED, Tone.PLAIN, f"{to} delivered{together}."
        case MessageState.SENT:
            return PageNoteKind.SENT, Tone.PLAIN, f"{to} accepted by the service{together}."
        case MessageState.SUPPRESSED:
            return PageNoteKind.SENT, Tone.PLAIN, f"{to} not sent: it would have called for something that has ended."
        case MessageState.UNCERTAIN:
            text = sentence(f"{to} may not have arrived: ", message.error, " The next way is used.")
            return PageNoteKind.UNCERTAIN, Tone.WARNING, text
        case MessageState.FAILED:
            return PageNoteKind.FAILED, Tone.WARNING, sentence(f"{to} failed: ", message.error)
        case _:
            text = sentence(f"{to} did not work yet: ", message.error, " The next way is used; this one is tried again.")
            return PageNoteKind.FAILED, Tone.WARNING, text


def way_label(message: StoredMessage) -> str:
    """``SMS``, ``PagerDuty (payments)``."""
    label = WAY_LABELS.get(message.way, message.way)
    return f"{label} ({message.destination})" if message.way in ("pagerduty", "webhook") else label
