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
class When:
    """A moment, shown in the reader's own zone and in UTC; without its day where the message beside it says the day."""

    at: datetime
    is_today: bool = False


@dataclass(frozen=True, slots=True)
class Who:
    """A person, shown under the name that the workspace knows."""

    person: Person


@dataclass(frozen=True, slots=True)
class Team:
    """A user group, by id: everybody in it is called."""

    id: str


@dataclass(frozen=True, slots=True)
class Room:
    """A channel, by id."""

    id: str


@dataclass(frozen=True, slots=True)
class Link:
    """A page to look on. Of an address that is none, the text alone is shown."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Break:
    """A new line within one entry."""


Span = str | Strong | Code | When | Who | Team | Room | Link | Break
Line = tuple[Span, ...]
Part = Span | Line | None

_MARKS = re.compile(r"`(?P<code>[^`\n]+)`|<@(?P<person>[UW][A-Z0-9]{2,20})>")
_OWN_WORDS = re.compile(r"(?:\S+ has already ended: )?[^:“\n]*")


def line(*parts: Part) -> Line:
    """One line of the parts; None and empty texts are left out."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, tuple):
            spans += part
        elif part is not None and part != "":
            spans.append(part)
    return tuple(spans)


def dotted(*parts: Part) -> Line:
    """The parts that are there, with a middle dot between them."""
    return joined(" · ", parts)


def joined(between: str, parts: Iterable[Part]) -> Line:
    """The parts that are there, with ``between`` between them."""
    there = [each for each in (line(part) for part in parts) if each]
    return tuple(span for number, each in enumerate(there) for span in ((between, *each) if number else each))


def rows(*lines: Line) -> Line:
    """One entry of several lines; empty ones are left out."""
    there = [each for each in lines if each]
    return tuple(span for number, each in enumerate(there) for span in ((Break(), *each) if number else each))


def sentence(text: str, people: Iterable[Person] | None = None) -> Line:
    """A sentence of the domain: code in backticks, people as ``<@U…>``, and words of others among them.

    Only ``people`` are mentioned. Without them it is whoever the sentence names before a colon or a quote begins the words of
    others: a reason must not call anybody.
    """
    known = {person.user_id: person for person in people or ()}
    own = _OWN_WORDS.match(text)
    trusted_until = own.end() if own and people is None else 0
    spans: list[Span] = []
    end = 0
    for found in _MARKS.finditer(text):
        spans += [text[end : found.start()], _marked(found, known, is_own=found.start() < trusted_until)]
        end = found.end()
    return line(*spans, text[end:])


def _marked(found: re.Match[str], known: dict[str, Person], *, is_own: bool) -> Span:
    if found["code"]:
        return Code(found["code"])
    user_id = found["person"]
    return Who(known.get(user_id) or Person(user_id, "")) if is_own or user_id in known else found[0]
