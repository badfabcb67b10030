"""Usage of commands. The usage line that help shows is also parsed to define the arguments, so that they cannot differ."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Self

from domain.rich_text import CommandMention, Text, sentence

_PART = re.compile(r"<(?P<must>[^<>]+)>|\[--(?P<flag>[a-z-]+)(?: (?P<value>[^\]]+))?\]|\[(?P<may>[^\[\]]+)\]")
_ELLIPSIS = "…"


class FlagValue(Enum):
    """The kind of value that a flag takes."""

    NOTHING = "nothing"
    WORD = "word"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument. ``rest``: it takes all words to the end."""

    name: str
    required: bool
    rest: bool = False

    @property
    def field(self) -> str:
        """Its field id in a form. ``sha|tag|last`` are alternatives for the version."""
        return "version" if "|" in self.name else self.name


@dataclass(frozen=True, slots=True)
class Usage:
    """The arguments in order, and the flags by name."""

    name: str
    line: str
    arguments: tuple[Argument, ...]
    flags: dict[str, FlagValue]

    @property
    def synopsis(self) -> Text:
        """The command with its usage line, for hints."""
        return sentence(CommandMention(f"{self.name} {self.line}"))

    @property
    def min_arguments(self) -> int:
        """The number of required arguments."""
        return sum(argument.required for argument in self.arguments)

    @property
    def max_arguments(self) -> int | None:
        """The maximum number of arguments; None if the last one takes the rest."""
        return None if self.arguments and self.arguments[-1].rest else len(self.arguments)

    @classmethod
    def parse(cls, name: str, line: str) -> Self:
        """Parse ``<env> <version> [service] [--reason …] [--for 2h] [--dry-run]``; ``…`` stands for text, else one word."""
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
