"""Normalizes command texts: undoes the changes that Slack and phones make, and rejects invisible characters."""

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import UsageError

MAX_COMMAND_CHARACTERS = 2000
"""Maximum characters of a command. Slack itself allows more."""

_MARKUP = re.compile(r"<(?P<sign>[@#!]?)(?P<body>[^<>|]+)(?:\|(?P<label>[^<>]*))?>")
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_INVISIBLE = ("Cc", "Cf", "Cs")
_HYPHENS = "\u2010\u2011"
"""Hyphens in text copied from documents, which look like that in ``main-abc1234``."""


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """The normalized text. ``mentions`` are the user ids by the ``@name`` in it."""

    text: str
    mentions: Mapping[str, str]


def normalize(text: str) -> NormalizedText:
    """Unwrap Slack's markup, replace all kinds of spaces. Raises ``UsageError`` for too long a text or invisible characters."""
    if len(text) > MAX_COMMAND_CHARACTERS:
        raise UsageError(
            f"That is {len(text):,} characters long; at most {MAX_COMMAND_CHARACTERS:,} are read.", "Say it shorter."
        )
    mentions: dict[str, str] = {}
    plain = html.unescape(_MARKUP.sub(lambda match: _unwrap(match, mentions), _escape_other_entities(text)))
    return NormalizedText(_normalize_characters(plain), mentions)


def escape_for_slack(text: str) -> str:
    """Escape the text as Slack escapes typed text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escape_other_entities(text: str) -> str:
    """Protect ``&nbsp;`` and the like, which a person has typed: Slack itself escapes only three characters."""
    return re.sub(r"&(?!(?:amp|lt|gt);)", "&amp;", text)


def _unwrap(match: re.Match[str], mentions: dict[str, str]) -> str:
    sign, body, label = match["sign"], match["body"], match["label"] or ""
    if sign == "@" and _USER.fullmatch(body):
        return _mention_name(body, label, mentions)
    if sign == "#":
        return f"#{label or body}"
    if sign == "!":
        return f"@{(label or body).removeprefix('@')}"
    if sign:
        return match[0]
    # Slack makes a link of a typed host name; the label is what was typed.
    return label if label and body.endswith(label) else body.removeprefix("mailto:")


def _mention_name(user_id: str, label: str, mentions: dict[str, str]) -> str:
    name = f"@{label.removeprefix('@')}" if label else f"@{user_id}"
    # Two people may have the same display name: then the second one is named by the user id.
    if mentions.setdefault(name, user_id) != user_id:
        name = f"@{user_id}"
        mentions[name] = user_id
    return name


def _normalize_characters(text: str) -> str:
    characters = []
    for character in text:
        # Python counts these four control characters as spaces; they are rejected below like all others.
        if character.isspace() and character not in "\x1c\x1d\x1e\x1f":
            characters.append(" ")
        elif character in _HYPHENS:
            characters.append("-")
        elif unicodedata.category(character) in _INVISIBLE:
            before = "".join(characters).split(" ")[-1][-20:]
            where = f"after “{before}”" if before else "where a word begins"
            raise UsageError(
                f"There is an invisible character (U+{ord(character):04X}) {where}, so it is not certain what is meant.",
                "Type it again instead of pasting it.",
            )
        else:
            characters.append(character)
    return "".join(characters)
