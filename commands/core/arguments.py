"""Split what a person typed into words, and read the words by a command's usage."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from commands.core.usage import Takes, Usage
from domain.errors import UsageError
from domain.text import nearest

LONGEST_TEXT = 500
"""Of a reason: it stands on a card and in the audit log."""

_DOUBLE = {'"': '"', "“": "”", "”": "”", "„": "“”", "‟": "”", "«": "»"}
_SINGLE = {"'": "'", "‘": "’", "’": "’", "‚": "‘’"}  # noqa: RUF001 -- the marks that phones type
_ANY_DOUBLE = '"“”„‟«»'
_DASHES = "-‒–—―−"  # noqa: RUF001 -- the dashes that phones type
_FLAG = re.compile(rf"(?P<dashes>[{_DASHES}]+)(?P<name>[^\W\d_][^=]*)(?P<value>=.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A word. ``quoted_at`` is where its first quoted part begins, -1 where nothing was quoted."""

    text: str
    quoted_at: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A command's words in their places, and its flags. ``environment`` is the catalogue's own name, found by the router."""

    arguments: tuple[str, ...]
    flags: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""

    def __getitem__(self, place: int) -> str:
        """The word in that place; empty where there is none."""
        return self.arguments[place] if place < len(self.arguments) else ""

    def rest(self, place: int) -> str:
        """Every word from that place on, as one text. Raises ``UsageError`` where it is too long."""
        return _short(" ".join(self.arguments[place:]))

    @property
    def reason(self) -> str:
        """What ``--reason`` says; empty where it says nothing."""
        return self.flags.get("reason", "")

    @property
    def dry_run(self) -> bool:
        """Whether only the preview is wanted."""
        return "dry-run" in self.flags


def tokens(text: str) -> list[Token]:
    """Split at spaces, except within quotation marks of any alphabet. Raises ``UsageError`` for one that stays open."""
    found, place = [], 0
    while place < len(text):
        if text[place] == " ":
            place += 1
            continue
        token, place = _token(text, place)
        found.append(token)
    return found


def read(words: Sequence[Token], usage: Usage, people: Mapping[str, str]) -> Words:
    """Sort the words into arguments and flags. Raises ``UsageError`` for an unknown flag, or too many words."""
    arguments, flags, place = [], {}, 0
    while place < len(words):
        flag = _flag(words[place], usage)
        if flag is None:
            arguments.append(words[place].text)
            place += 1
            continue
        name, value = flag
        if name in flags:
            raise UsageError(f"`--{name}` was said twice.", usage.whole)
        flags[name], place = _value(name, value, words, place + 1, usage)
    if usage.most is not None and len(arguments) > usage.most:
        over = " ".join(arguments[usage.most :])
        reason = " A reason goes after `--reason`." if "reason" in usage.flags else ""
        raise UsageError(f"“{over[:60]}” is more than this command takes.{reason}", usage.whole)
    return Words(arguments=tuple(arguments), flags=flags, people=people)


def _token(text: str, place: int) -> tuple[Token, int]:
    letters: list[str] = []
    quoted_at = -1
    while place < len(text) and text[place] != " ":
        begins = not letters or letters[-1] == "="
        closing = _closing(text, place) if begins else -1
        if closing < 0:
            letters.append(text[place])
            place += 1
            continue
        quoted_at = len(letters) if quoted_at < 0 else quoted_at
        letters += _unescaped(text[place + 1 : closing])
        place = closing + 1
    return Token("".join(letters), quoted_at), place


def _closing(text: str, place: int) -> int:
    """Where the quotation that opens here closes; -1 where none opens here. An apostrophe needs no partner."""
    mark = text[place]
    if mark in _DOUBLE:
        for closers in (_DOUBLE[mark], _ANY_DOUBLE):
            if (closing := _find(text, place + 1, closers)) > 0:
                return closing
        raise UsageError("A quotation mark is opened and not closed.", 'Write it like `--reason "errors went up"`.')
    if mark in _SINGLE:
        return _find(text, place + 1, _SINGLE[mark], ends_word=True)
    return -1


def _find(text: str, place: int, closers: str, *, ends_word: bool = False) -> int:
    while place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        if text[place] in closers and (not ends_word or text[place + 1 : place + 2] in ("", " ")):
            return place
        place += 1
    return -1


def _unescaped(text: str) -> str:
    return re.sub(rf"\\([\\{re.escape(_ANY_DOUBLE)}])", r"\1", text)


def _flag(token: Token, usage: Usage) -> tuple[str, str | None] | None:
    """The flag's name and the value joined to it. Phones type ``—`` for ``--``; a lone dash is a dash."""
    found = _FLAG.fullmatch(token.text)
    if found is None or 0 <= token.quoted_at < found.end("name"):
        return None
    dashes, name = found["dashes"], found["name"].lower()
    if dashes != "-" and name in usage.flags:
        return name, found["value"][1:] if found["value"] else None
    close = nearest(name, usage.flags, most=1)
    if close or dashes == "--":
        takes_text = "reason" in usage.flags or usage.most is None
        quoted = " If it belongs to the reason, put the reason in quotation marks." if takes_text else ""
        hint = f"Did you mean `--{close[0]}`?" if close else usage.whole
        raise UsageError(f"There is no `{token.text[:40]}` here.{quoted}", hint)
    return None


def _value(name: str, joined: str | None, words: Sequence[Token], place: int, usage: Usage) -> tuple[str, int]:
    """What belongs to the flag, and where the words go on."""
    takes = usage.flags[name]
    if takes is Takes.NOTHING:
        if joined is not None:
            raise UsageError(f"`--{name}` takes no value.", usage.whole)
        return "", place
    if joined is not None and (takes is Takes.WORD or words[place - 1].quoted_at >= 0):
        parts = [joined]
    elif joined is None and place < len(words) and _is_value(words[place], usage, takes):
        parts, place = [words[place].text], place + 1
    else:
        parts = [] if joined is None else [joined]
        while takes is Takes.TEXT and place < len(words) and _flag(words[place], usage) is None:
            parts.append(words[place].text)
            place += 1
    value = " ".join(parts).strip()
    if not value:
        raise UsageError(f"`--{name}` needs something after it.", usage.whole)
    return _short(value), place


def _is_value(token: Token, usage: Usage, takes: Takes) -> bool:
    """Whether this one word is the whole value: any plain word for a word, only a quoted one for a text."""
    return token.quoted_at == 0 if takes is Takes.TEXT else _flag(token, usage) is None


def _short(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"The text is {len(text)} characters long; at most {LONGEST_TEXT} are kept.", "Say it shorter.")
    return text
