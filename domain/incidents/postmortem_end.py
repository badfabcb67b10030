"""The end of a post-mortem: where it is, and that nobody is reminded of it any more. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import Refused, UsageError
from domain.incidents.changes import IncidentChange, change
from domain.incidents.clocks import with_clock
from domain.incidents.incident import ClockKind, FinishedPostmortem, Incident, Mark, Participant
from domain.incidents.timeline import EntryKind
from domain.notes import Tone
from domain.rich_text import CommandMention, sentence
from domain.web_urls import split_web_url

MAX_URL_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class StoredDraft:
    """The last draft of a post-mortem, in Markdown, and when it was made."""

    text: str
    at: datetime


def finish_postmortem(record: Incident, url: str, by: Participant, at: datetime) -> IncidentChange:
    """The post-mortem is written, and it is there. Its clock and reminders end. Another address replaces the first one.

    Raises ``Refused`` while the incident goes on, and for the address that is known already.
    """
    if record.state.is_ongoing:
        hint = sentence(" Resolve it first: ", CommandMention(f"incident resolve {record.id}"), ".")
        raise Refused(sentence(f"{record.id} is {record.state.value}, so its post-mortem cannot be done.", hint))
    if record.postmortem is not None and record.postmortem.url == url:
        raise Refused(sentence(record.postmortem.mark.by.text, f" has said so already. Nothing of {record.id} was changed."))
    clocks = with_clock(record.clocks, ClockKind.POSTMORTEM, None)
    after = replace(record, postmortem=FinishedPostmortem(url, Mark(by, at)), clocks=clocks)
    word = "is now at another address" if record.postmortem else "is done"
    text = sentence(f"The post-mortem {word}: {url}")
    return change(after, EntryKind.STATE, at, text, by=by, tone=Tone.GOOD, audit="incident postmortem done", why=url)


def parse_address(word: str) -> str:
    """The address of a document. Raises ``UsageError`` for anything that nobody could open, and for one with a password."""
    parts = split_web_url(word)
    has_markup = any(character in word for character in ' <>|"') or not word.isprintable()
    if parts is None or has_markup or len(word) > MAX_URL_LENGTH:
        raise UsageError(f"“{word[:60]}” is not the address of a page.", "It begins with https://.")
    if "@" in parts.netloc:
        raise UsageError("The address holds a user or a password.", "Give the address without them.")
    return word
