"""The text of a message of Slack as a text without markup. People are mentions; whoever shows it replaces them by names."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from domain.people import Person
from domain.rich_text import Part, Text, UserMention, sentence
from domain.text import clip

MAX_MESSAGE_LENGTH = 3000
"""Characters of a message that are kept; Slack's own limit is 40,000."""
_MARKUP = re.compile(r"<(?P<sign>[@#!]?)(?P<body>[^<>|]+)(?:\|(?P<label>[^<>]*))?>")
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


def message_text(message: Mapping[str, Any], team_id: str) -> Text:
    """The text of a message; of one without text, what its attachments and files are called."""
    written = str(message.get("text") or "") or " · ".join(_attached(message))
    return parse_markup(clip(written, MAX_MESSAGE_LENGTH), team_id)


def parse_markup(written: str, team_id: str) -> Text:
    """A text as Slack writes it, ``<@U0ANA> sees &lt;html&gt;``, without its markup. ``team_id`` is the workspace of people."""
    parts: list[Part] = []
    end = 0
    for match in _MARKUP.finditer(written):
        parts += [html.unescape(written[end : match.start()]), _unwrap(match, team_id)]
        end = match.end()
    return sentence(*parts, html.unescape(written[end:]))


def _attached(message: Mapping[str, Any]) -> Iterator[str]:
    """Alerts of other systems are attachments; a screenshot is a file."""
    for attachment in message.get("attachments") or ():
        if text := attachment.get("fallback") or attachment.get("title") or attachment.get("text"):
            yield str(text)
    for file in message.get("files") or ():
        yield f"file {file.get('title') or file.get('name') or file.get('id') or ''}".strip()


def _unwrap(match: re.Match[str], team_id: str) -> Part:
    sign, body, label = match["sign"], html.unescape(match["body"]), html.unescape(match["label"] or "")
    if sign == "@":
        return UserMention(Person(body, team_id)) if _USER.fullmatch(body) else f"@{label or body}"
    if sign == "#":
        return f"#{label or body}"
    if sign == "!":
        # A date has its text as the label; a group is named by it; here, channel and everyone have none.
        return label if body.startswith("date^") else f"@{(label or body.split('^')[-1]).removeprefix('@')}"
    address = body.removeprefix("mailto:")
    return address if not label or address.endswith(label) else f"{label} ({address})"
