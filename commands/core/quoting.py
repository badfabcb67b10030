"""Commands written out: on a button, in a hint, from a form. What is written is read back as the same words."""

import re
from collections.abc import Mapping, Sequence

from commands.core.usage import Takes, Usage

SLASH = "/deepecho"

_PLAIN = re.compile(r"[A-Za-z0-9@#][A-Za-z0-9._:/@#+-]*")


def written(usage: Usage, arguments: Sequence[str], flags: Mapping[str, str]) -> str:
    """``rollback production main-abc1234 --reason "errors went up"``, without ``/deepecho``."""
    words = [usage.name, *(quoted(each) for each in arguments if each)]
    for flag, value in flags.items():
        takes = usage.flags[flag]
        words.append(f"--{flag}" if takes is Takes.NOTHING else f"--{flag} {quoted(value, always=takes is Takes.TEXT)}")
    return " ".join(words)


def quoted(text: str, *, always: bool = False) -> str:
    """The text as one word."""
    if not always and _PLAIN.fullmatch(text):
        return text
    escaped = re.sub(r'([\\"“”„‟«»])', r"\\\1", text)
    return f'"{escaped}"'
