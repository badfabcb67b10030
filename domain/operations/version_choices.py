"""Versions to choose from, for a person who named none or an ambiguous one."""

from dataclasses import dataclass
from datetime import datetime

from domain.facts import Answer
from domain.rich_text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChoice:
    """One version to choose. ``command`` is a complete command that requests it."""

    version: str
    image: str
    services: tuple[str, ...]
    created_at: datetime
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChoices(Answer):
    """The named version is unknown or ambiguous. ``choices`` are newest first."""

    sentence: Text
    hint: Text = ""
    environment: str
    ambiguous: bool = False
    choices: tuple[VersionChoice, ...] = ()
