"""Sentences as values: each surface writes people, commands and times its own way, and finds no markup in the texts between."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.people import BOT, Person


@dataclass(frozen=True, slots=True)
class Code:
    """Something to copy as it is: a version, an id, a line for a shell."""

    code: str


@dataclass(frozen=True, slots=True)
class CommandMention:
    """A command of the bot, ready to send: ``rollback production last``, without the word that every command begins with."""

    command: str


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment, shown in the reader's own zone and in UTC; without its day where the message beside it says the day."""

    at: datetime
    time_only: bool = False


@dataclass(frozen=True, slots=True)
class UserMention:
    """A person, shown under the name that the reader knows."""

    person: Person


@dataclass(frozen=True, slots=True)
class GroupMention:
    """A user group, by id: everybody in it is called."""

    group: str


@dataclass(frozen=True, slots=True)
class ChannelMention:
    """A channel, by id."""

    channel: str


Part = str | Code | CommandMention | Timestamp | UserMention | GroupMention | ChannelMention
"""What a sentence is made of. As JSON each part is known by the name of its first field."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that names something. Made by ``sentence``, so that two that read alike are equal."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return plain_text(self)


Text = str | Sentence
"""What a person reads. A ``str`` is a sentence that names nothing, or words of others: no surface finds markup in it."""


def sentence(*parts: Part | Sentence | Person | None) -> Text:
    """The sentence of these parts: ``sentence(by, " approved this.")``. None and empty texts are left out."""
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
    """The texts with ``between`` between them."""
    return sentence(*(part for number, text in enumerate(texts) for part in ((between, text) if number else (text,))))


def parts_of(text: Text) -> tuple[Part, ...]:
    """The parts, whichever kind of sentence it is."""
    return text.parts if isinstance(text, Sentence) else (text,)


def without_ending(text: Text, ending: str) -> Text:
    """The sentence without these words at its end, where it ends with them."""
    *before, last = parts_of(text)
    return sentence(*before, last.removesuffix(ending)) if isinstance(last, str) else text


def plain_text(text: Text) -> str:
    """The sentence for logs, the audit log and errors: people as ``@U…``, what is to be copied in backticks, times in UTC."""
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
