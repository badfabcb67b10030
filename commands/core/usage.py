"""How a command is written. One line of usage is what help shows *and* what the words are read by, so they cannot differ."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Self

_PART = re.compile(r"<(?P<must>[^<>]+)>|\[--(?P<flag>[a-z-]+)(?: (?P<value>[^\]]+))?\]|\[(?P<may>[^\[\]]+)\]")
_ELLIPSIS = "…"


class FlagValue(Enum):
    """What follows a flag."""

    NOTHING = "nothing"
    WORD = "word"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Argument:
    """A word in its place. ``rest`` takes every word to the end."""

    name: str
    required: bool
    rest: bool = False

    @property
    def field(self) -> str:
        """Its id in a form: ``sha|tag|last`` are three ways to name a version."""
        return "version" if "|" in self.name else self.name


@dataclass(frozen=True, slots=True)
class Usage:
    """The arguments in their order, and the flags by name."""

    name: str
    line: str
    arguments: tuple[Argument, ...]
    flags: dict[str, FlagValue]

    @property
    def synopsis(self) -> str:
        """How the command is written, as it is shown in a hint."""
        return f"`/deepecho {self.name} {self.line}`"

    @property
    def min_arguments(self) -> int:
        """How many words must stand there."""
        return sum(each.required for each in self.arguments)

    @property
    def max_arguments(self) -> int | None:
        """How many words may stand there; None where the last takes all that follow."""
        return None if self.arguments and self.arguments[-1].rest else len(self.arguments)

    @classmethod
    def parse(cls, name: str, line: str) -> Self:
        """Read ``<env> <version> [service] [--reason …] [--for 2h] [--dry-run]``; ``…`` takes text, any other word takes one."""
        if _PART.sub("", line).strip():
            raise ValueError(f"not a usage line: {line!r}")
        arguments, flags = [], {}
        for part in _PART.finditer(line):
            if flag := part["flag"]:
                flags[flag] = {None: FlagValue.NOTHING, _ELLIPSIS: FlagValue.TEXT}.get(part["value"], FlagValue.WORD)
            else:
                word = part["must"] or part["may"]
                arguments.append(Argument(word.removesuffix(_ELLIPSIS), bool(part["must"]), word.endswith(_ELLIPSIS)))
        return cls(name, line, tuple(arguments), flags)
