"""Splits the text of a command into tokens, and parses them by the command's usage."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from commands.core.usage import FlagValue, Usage
from domain.errors import UsageError
from domain.rich_text import Code, sentence
from domain.text import nearest

MAX_TEXT_LENGTH = 500
"""Maximum characters of a reason, which a card and the audit log show."""

_DOUBLE = {'"': '"', "“": "”", "”": "”", "„": "“”", "‟": "”", "«": "»"}
_SINGLE = {"'": "'", "‘": "’", "’": "’", "‚": "‘’"}  # noqa: RUF001 -- the marks that phones type
_ANY_DOUBLE = '"“”„‟«»'
_DASHES = "-‒–—―−"  # noqa: RUF001 -- the dashes that phones type
_FLAG = re.compile(rf"(?P<dashes>[{_DASHES}]+)(?P<name>[^\W\d_][^=]*)(?P<value>=.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A word. ``quoted_at`` is the index in ``text`` of its first quoted part, -1 without one."""

    text: str
    quoted_at: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """Parsed arguments. ``environment`` is the name in the catalogue; ``mentions`` are user ids by their ``@name``."""

    positional: tuple[str, ...]
    flags: Mapping[str, str] = field(default_factory=dict)
    mentions: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""

    def __getitem__(self, index: int) -> str:
        """The positional argument at this index; empty if there is none."""
        return self.positional[index] if index < len(self.positional) else ""

    def rest(self, index: int) -> str:
        """All positional arguments from this index on, joined by spaces. Raises ``UsageError`` if they are too long."""
        return _check_length(" ".join(self.positional[index:]))

    @property
    def reason(self) -> str:
        """The value of ``--reason``; empty without one."""
        return self.flags.get("reason", "")

    @property
    def dry_run(self) -> bool:
        """Whether ``--dry-run`` is set: show a preview only."""
        return "dry-run" in self.flags


def tokenize(text: str) -> list[Token]:
    """Split at spaces outside quotation marks of any language. Raises ``UsageError`` for an unclosed one."""
    result, index = [], 0
    while index < len(text):
        if text[index] == " ":
            index += 1
            continue
        token, index = _read_token(text, index)
        result.append(token)
    return result


def parse_arguments(tokens: Sequence[Token], usage: Usage, mentions: Mapping[str, str]) -> Arguments:
    """Parse tokens into arguments and flags. Raises ``UsageError`` for an unknown flag, or too many arguments."""
    positional, flags, index = [], {}, 0
    while index < len(tokens):
        flag = _match_flag(tokens[index], usage)
        if flag is None:
            positional.append(tokens[index].text)
            index += 1
            continue
        name, value = flag
        if name in flags:
            raise UsageError(sentence(Code(f"--{name}"), " was said twice."), usage.synopsis)
        flags[name], index = _flag_value(name, value, tokens, index + 1, usage)
    if usage.max_arguments is not None and len(positional) > usage.max_arguments:
        extra = " ".join(positional[usage.max_arguments :])
        reason = sentence(" A reason goes after ", Code("--reason"), ".") if "reason" in usage.flags else ""
        raise UsageError(sentence(f"“{extra[:60]}” is more than this command takes.", reason), usage.synopsis)
    return Arguments(positional=tuple(positional), flags=flags, mentions=mentions)


def _read_token(text: str, index: int) -> tuple[Token, int]:
    characters: list[str] = []
    quoted_at = -1
    while index < len(text) and text[index] != " ":
        # A quotation opens only at the start of a word or of a flag's value: the mark in `5"` is a plain character.
        at_start = not characters or characters[-1] == "="
        closing = _closing_quote(text, index) if at_start else -1
        if closing < 0:
            characters.append(text[index])
            index += 1
            continue
        quoted_at = len(characters) if quoted_at < 0 else quoted_at
        characters += _unescape(text[index + 1 : closing])
        index = closing + 1
    return Token("".join(characters), quoted_at), index


def _closing_quote(text: str, index: int) -> int:
    """The index of the mark that closes the quotation opened at ``index``; -1 if none opens, as after an apostrophe."""
    mark = text[index]
    if mark in _DOUBLE:
        # The proper closing mark first, then any other: phones mix them.
        for closers in (_DOUBLE[mark], _ANY_DOUBLE):
            if (closing := _find_closer(text, index + 1, closers)) > 0:
                return closing
        example = Code('--reason "errors went up"')
        raise UsageError("A quotation mark is opened and not closed.", sentence("Write it like ", example, "."))
    if mark in _SINGLE:
        return _find_closer(text, index + 1, _SINGLE[mark], ends_word=True)
    return -1


def _find_closer(text: str, index: int, closers: str, *, ends_word: bool = False) -> int:
    while index < len(text):
        if text[index] == "\\":
            index += 2
            continue
        # Within a word a single mark is an apostrophe: it closes only before a space or the end.
        if text[index] in closers and (not ends_word or text[index + 1 : index + 2] in ("", " ")):
            return index
        index += 1
    return -1


def _unescape(text: str) -> str:
    return re.sub(rf"\\([\\{re.escape(_ANY_DOUBLE)}])", r"\1", text)


def _match_flag(token: Token, usage: Usage) -> tuple[str, str | None] | None:
    """The name of a flag and the value after its ``=``; None for a plain word.

    Phones replace ``--`` by ``—``, which is accepted. Raises ``UsageError`` for a single ``-`` before the name of a flag.
    """
    match = _FLAG.fullmatch(token.text)
    # Quoting makes a flag plain text, unless only its value is quoted.
    if match is None or 0 <= token.quoted_at < match.end("name"):
        return None
    dashes, name = match["dashes"], match["name"].lower()
    if dashes != "-" and name in usage.flags:
        return name, match["value"][1:] if match["value"] else None
    close = nearest(name, usage.flags, max_results=1)
    if close or dashes == "--":
        takes_text = "reason" in usage.flags or usage.max_arguments is None
        quoted = " If it belongs to the reason, put the reason in quotation marks." if takes_text else ""
        hint = sentence("Did you mean ", Code(f"--{close[0]}"), "?") if close else usage.synopsis
        raise UsageError(sentence("There is no ", Code(token.text[:40]), f" here.{quoted}"), hint)
    return None


def _flag_value(name: str, inline_value: str | None, tokens: Sequence[Token], index: int, usage: Usage) -> tuple[str, int]:
    """The value of the flag, and the index of the next token. Raises ``UsageError``."""
    value_kind = usage.flags[name]
    if value_kind is FlagValue.NOTHING:
        if inline_value is not None:
            raise UsageError(sentence(Code(f"--{name}"), " takes no value."), usage.synopsis)
        return "", index
    if inline_value is not None and (value_kind is FlagValue.WORD or tokens[index - 1].quoted_at >= 0):
        parts = [inline_value]
    elif inline_value is None and index < len(tokens) and _is_whole_value(tokens[index], usage, value_kind):
        parts, index = [tokens[index].text], index + 1
    else:
        parts = [] if inline_value is None else [inline_value]
        # An unquoted text extends to the next flag: `--reason errors went up --dry-run`.
        while value_kind is FlagValue.TEXT and index < len(tokens) and _match_flag(tokens[index], usage) is None:
            parts.append(tokens[index].text)
            index += 1
    value = " ".join(parts).strip()
    if not value:
        raise UsageError(sentence(Code(f"--{name}"), " needs something after it."), usage.synopsis)
    return _check_length(value), index


def _is_whole_value(token: Token, usage: Usage, value_kind: FlagValue) -> bool:
    """Whether this token alone is the value: any plain word for a WORD, only a quoted one for a TEXT."""
    return token.quoted_at == 0 if value_kind is FlagValue.TEXT else _match_flag(token, usage) is None


def _check_length(text: str) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        raise UsageError(f"The text is {len(text)} characters long; at most {MAX_TEXT_LENGTH} are kept.", "Say it shorter.")
    return text
