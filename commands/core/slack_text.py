"""What Slack and phones do to the words that people type, undone; what cannot be meant, refused."""

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import UsageError

MOST_CHARACTERS = 2000
"""Of a whole command. Slack itself passes on more, and nothing that is meant needs it."""

_MARKUP = re.compile(r"<(?P<sign>[@#!]?)(?P<body>[^<>|]+)(?:\|(?P<label>[^<>]*))?>")
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_INVISIBLE = ("Cc", "Cf", "Cs")
_HYPHENS = "\u2010\u2011"
"""Copied from formatted text, they look like the one in ``main-abc1234``."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The text as the person meant it. ``people`` gives the user id behind each ``@name`` in it."""

    text: str
    people: Mapping[str, str]


def clean(text: str) -> Typed:
    """Unwrap Slack's markup, turn every kind of space into a plain one. Raises ``UsageError`` for what cannot be meant."""
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"That is {len(text):,} characters long; at most {MOST_CHARACTERS:,} are read.", "Say it shorter.")
    people: dict[str, str] = {}
    plain = html.unescape(_MARKUP.sub(lambda found: _unwrapped(found, people), _only_entities(text)))
    return Typed(_visible(plain), people)


def escape(text: str) -> str:
    """The text as Slack would send it, had somebody typed it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _only_entities(text: str) -> str:
    """Slack escapes three characters; ``&nbsp;`` and the like were typed by a person and stay."""
    return re.sub(r"&(?!(?:amp|lt|gt);)", "&amp;", text)


def _unwrapped(found: re.Match[str], people: dict[str, str]) -> str:
    sign, body, label = found["sign"], found["body"], found["label"] or ""
    if sign == "@" and _USER.fullmatch(body):
        return _person(body, label, people)
    if sign == "#":
        return f"#{label or body}"
    if sign == "!":
        return f"@{(label or body).removeprefix('@')}"
    if sign:
        return found[0]
    return label if label and body.endswith(label) else body.removeprefix("mailto:")


def _person(user_id: str, label: str, people: dict[str, str]) -> str:
    name = f"@{label.removeprefix('@')}" if label else f"@{user_id}"
    if people.setdefault(name, user_id) != user_id:
        name = f"@{user_id}"
        people[name] = user_id
    return name


def _visible(text: str) -> str:
    letters = []
    for letter in text:
        if letter.isspace() and letter not in "\x1c\x1d\x1e\x1f":
            letters.append(" ")
        elif letter in _HYPHENS:
            letters.append("-")
        elif unicodedata.category(letter) in _INVISIBLE:
            before = "".join(letters).split(" ")[-1][-20:]
            where = f"after “{before}”" if before else "where a word begins"
            raise UsageError(
                f"There is an invisible character (U+{ord(letter):04X}) {where}, so it is not certain what is meant.",
                "Type it again instead of pasting it.",
            )
        else:
            letters.append(letter)
    return "".join(letters)
