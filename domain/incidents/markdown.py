"""Markdown from values: texts of people stay texts, whatever they contain. Pure.

The result means the same in CommonMark and in GitHub's and GitLab's dialects.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from domain.rich_text import ChannelMention, Code, CommandMention, GroupMention, Part, Text, Timestamp, UserMention, parts_of
from domain.web_urls import encode_web_url

_SPACES = re.compile(r"\s+")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ud800-\udfff\ufeff]"
)
"""Controls, marks that change the direction of text, and half characters, which no file can hold."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#&$^])")
_LIST_START = re.compile(r"^(?:([-+=])|(\d{1,9})([.)]))")
_SAFE_IN_URLS = "%/:?#@!$&'*+,;=~-._"
"""Brackets and parentheses are encoded: they would end a link."""


def escape(text: str) -> str:
    """The text on one line, with every character escaped that Markdown would read as markup."""
    escaped = _SPECIAL.sub(r"\\\1", one_line(text))
    return _LIST_START.sub(lambda match: f"\\{match[1]}" if match[1] else f"{match[2]}\\{match[3]}", escaped)


def one_line(text: str) -> str:
    """The text without line breaks and invisible characters."""
    return _SPACES.sub(" ", _INVISIBLE.sub("", text.replace("\r\n", "\n"))).strip()


def code(text: str) -> str:
    """Inline code; its fence is longer than any in the text."""
    inside = one_line(text)
    if not inside:
        return ""
    fence = "`" * (max((len(run) for run in re.findall(r"`+", inside)), default=0) + 1)
    padding = " " if inside.startswith("`") or inside.endswith("`") else ""
    return f"{fence}{padding}{inside}{padding}{fence}"


def link(text: str, url: str) -> str:
    """A link; the text alone where the address is none that people should follow."""
    target = encode_web_url(url, _SAFE_IN_URLS)
    return f"[{escape(text)}]({target})" if target and escape(text) else escape(text)


def rich(text: Text) -> str:
    """A text for people. Mentions are expected to be replaced by names; one that is left stands as its id."""
    return "".join(_part(part) for part in parts_of(text))


def heading(level: int, text: str) -> str:
    """A heading with a text of its own or of others."""
    return f"{'#' * level} {escape(text) or 'Untitled'}"


def bullets(lines: Iterable[str]) -> str:
    """A list. The lines are Markdown already."""
    return "\n".join(f"- {line}" for line in lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. Its cells are Markdown already, and contain no code."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def day_time(at: datetime) -> str:
    """``23 Nov 2026 14:02``, in UTC."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y %H:%M}"


def clock_time(at: datetime) -> str:
    """``14:02``, in UTC."""
    return f"{at.astimezone(UTC):%H:%M}"


def period(since: datetime, until: datetime) -> str:
    """``23 Nov 2026 13:59 to 14:21``, with the second day where it is another one."""
    is_same_day = since.astimezone(UTC).date() == until.astimezone(UTC).date()
    return f"{day_time(since)} to {clock_time(until) if is_same_day else day_time(until)}"


def _part(part: Part) -> str:
    match part:
        case str():
            # Not the start of a line: a part may follow another one.
            return _SPECIAL.sub(r"\\\1", _SPACES.sub(" ", _INVISIBLE.sub("", part)))
        case Code(text):
            return code(text)
        case CommandMention(command):
            return code(command)
        case Timestamp(at):
            return f"{day_time(at)} UTC"
        case UserMention(person):
            return escape(person.user_id)
        case GroupMention(name) | ChannelMention(name):
            return escape(name)
