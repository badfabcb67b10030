"""Pieces of a line before any surface's markup: the writers in ``mrkdwn`` and ``terminal`` turn them into text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.people import Person


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that are read first."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Something to copy as it is: a version, an id, a command."""

    text: str


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment, shown in the reader's own zone and in UTC; without its day where the message beside it says the day."""

    at: datetime
    time_only: bool = False


@dataclass(frozen=True, slots=True)
class UserMention:
    """A person, shown under the name that the workspace knows."""

    person: Person


@dataclass(frozen=True, slots=True)
class GroupMention:
    """A user group, by id: everybody in it is called."""

    id: str


@dataclass(frozen=True, slots=True)
class ChannelMention:
    """A channel, by id."""

    id: str


@dataclass(frozen=True, slots=True)
class Hyperlink:
    """A page to look on. Of an address that is none, the text alone is shown."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class LineBreak:
    """A new line within one entry."""


Span = str | Strong | Code | Timestamp | UserMention | GroupMention | ChannelMention | Hyperlink | LineBreak
Line = tuple[Span, ...]
LinePart = Span | Line | None

_INLINE_MARKUP = re.compile(r"`(?P<code>[^`\n]+)`|<@(?P<person>[UW][A-Z0-9]{2,20})>")
_TRUSTED_PREFIX = re.compile(r"(?:\S+ has already ended: )?[^:“\n]*")


def line(*parts: LinePart) -> Line:
    """One line of the parts; None and empty texts are left out."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, tuple):
            spans += part
        elif part is not None and part != "":
            spans.append(part)
    return tuple(spans)


def join_dots(*parts: LinePart) -> Line:
    """The parts that are there, with a middle dot between them."""
    return join(" · ", parts)


def join(between: str, parts: Iterable[LinePart]) -> Line:
    """The parts that are there, with ``between`` between them."""
    present = [each for each in (line(part) for part in parts) if each]
    return tuple(span for number, each in enumerate(present) for span in ((between, *each) if number else each))


def stack(*lines: Line) -> Line:
    """One entry of several lines; empty ones are left out."""
    present = [each for each in lines if each]
    return tuple(span for number, each in enumerate(present) for span in ((LineBreak(), *each) if number else each))


def sentence(text: str, people: Iterable[Person] | None = None) -> Line:
    """A sentence of the domain: code in backticks, people as ``<@U…>``, and words of others among them.

    Only ``people`` are mentioned. Without them it is whoever the sentence names before a colon or a quote begins the words of
    others: a reason must not call anybody.
    """
    people_by_id = {person.user_id: person for person in people or ()}
    trusted_prefix = _TRUSTED_PREFIX.match(text)
    trusted_until = trusted_prefix.end() if trusted_prefix and people is None else 0
    spans: list[Span] = []
    end = 0
    for markup in _INLINE_MARKUP.finditer(text):
        spans += [text[end : markup.start()], _markup_span(markup, people_by_id, is_trusted=markup.start() < trusted_until)]
        end = markup.end()
    return line(*spans, text[end:])


def _markup_span(markup: re.Match[str], people_by_id: dict[str, Person], *, is_trusted: bool) -> Span:
    if markup["code"]:
        return Code(markup["code"])
    user_id = markup["person"]
    return UserMention(people_by_id.get(user_id) or Person(user_id, "")) if is_trusted or user_id in people_by_id else markup[0]
