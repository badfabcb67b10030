"""Formats commands for buttons, hints and forms. Parsing a formatted command gives the same arguments."""

import re
from collections.abc import Mapping, Sequence

from commands.core.usage import FlagValue, Usage

_UNQUOTED = re.compile(r"[A-Za-z0-9@#][A-Za-z0-9._:/@#+-]*")


def format_command(usage: Usage, arguments: Sequence[str], flags: Mapping[str, str]) -> str:
    """Format a command such as ``rollback production main-abc1234 --reason "errors went up"``."""
    parts = [usage.name, *(quote(argument) for argument in arguments if argument)]
    for flag, value in flags.items():
        value_kind = usage.flags[flag]
        parts.append(
            f"--{flag}" if value_kind is FlagValue.NOTHING else f"--{flag} {quote(value, always=value_kind is FlagValue.TEXT)}"
        )
    return " ".join(parts)


def quote(text: str, *, always: bool = False) -> str:
    """Quote the text, if necessary, so that it parses as one word."""
    if not always and _UNQUOTED.fullmatch(text):
        return text
    escaped = re.sub(r'([\\"“”„‟«»])', r"\\\1", text)
    return f'"{escaped}"'
