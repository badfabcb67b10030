"""Sentences as values. Each surface formats people, commands and times in its own way, and the texts contain no markup."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.people import BOT, Person


@dataclass(frozen=True, slots=True)
class Code:
    """A text to copy verbatim: a version, an id, a shell command."""

    code: str


@dataclass(frozen=True, slots=True)
class CommandMention:
    """A command of the bot, ready to send: ``rollback production last``, without the word that every command begins with."""

    command: str


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A time, shown in the reader's zone and in UTC. ``time_only``: without the day, which the message shows elsewhere."""

    at: datetime
    time_only: bool = False


@dataclass(frozen=True, slots=True)
class UserMention:
    """A person, shown under the name that the reader knows."""

    person: Person


@dataclass(frozen=True, slots=True)
class GroupMention:
    """A user group, by id. Mentioning it notifies everybody in it."""

    group: str


@dataclass(frozen=True, slots=True)
class ChannelMention:
    """A channel, by id."""

    channel: str


Part = str | Code | CommandMention | Timestamp | UserMention | GroupMention | ChannelMention
"""A part of a sentence. In JSON the name of its first field identifies its type."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with at least one part that is no plain text. ``sentence`` builds it, so that equal texts are equal values."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return plain_text(self)


Text = str | Sentence
"""A text for people. A ``str`` is plain text, also of other people: no surface interprets it as markup."""


def sentence(*parts: Part | Sentence | Person | None) -> Text:
    """Build a sentence: ``sentence(by, " approved this.")``. None and empty texts are left out."""
    merged: list[Part] = []
    for part in _flatten(parts):
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    match merged:
        case []:
            return ""
        case [str() as text]:
            return text
        case _:
            return Sentence(tuple(merged))


def join(between: str, texts: Iterable[Text | Part]) -> Text:
    """Join the texts, with ``between`` between them."""
    return sentence(*(part for number, text in enumerate(texts) for part in ((between, text) if number else (text,))))


def parts_of(text: Text) -> tuple[Part, ...]:
    """The parts of a text; a ``str`` has one."""
    return text.parts if isinstance(text, Sentence) else (text,)


def without_ending(text: Text, ending: str) -> Text:
    """Remove ``ending`` from the end of the text, if it ends with it."""
    *before, last = parts_of(text)
    return sentence(*before, last.removesuffix(ending)) if isinstance(last, str) else text


def shorten(text: Text, max_length: int) -> Text:
    """Cut the text to ``max_length`` characters, as its plain text counts them. What is cut ends with an ellipsis."""
    kept: list[Part] = []
    left = max_length
    for part in parts_of(text):
        length = len(_plain_part(part))
        if length > left:
            rest = part[: max(left - 1, 0)].rstrip() if isinstance(part, str) else ""
            return sentence(*kept, f"{rest}…")
        kept.append(part)
        left -= length
    return text


def plain_text(text: Text) -> str:
    """Format the text for logs, the audit log and errors: people as ``@U…``, code in backticks, times in UTC."""
    return "".join(_plain_part(part) for part in parts_of(text))


def _flatten(parts: tuple[Part | Sentence | Person | None, ...]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, Sentence):
            yield from part.parts
        elif isinstance(part, Person):
            yield UserMention(part)
        elif part:
            yield part


def _plain_part(part: Part) -> str:
    match part:
        case str():
            return part
        case Code(text) | CommandMention(text):
            return f"`{text}`"
        case Timestamp(at):
            return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        case UserMention(person):
            return "deepecho" if person == BOT else f"@{person.user_id}"
        case GroupMention(group):
            return f"@{group}"
        case ChannelMention(channel):
            return f"#{channel}"
