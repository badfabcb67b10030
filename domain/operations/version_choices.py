"""The versions that a person can choose from."""

from dataclasses import dataclass
from datetime import datetime

from domain.facts import Answer
from domain.sentences import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChoice:
    """A version that could have been meant. ``command`` asks for exactly this one, ready to send."""

    version: str
    image: str
    services: tuple[str, ...]
    created_at: datetime
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChoices(Answer):
    """The version is unknown or could be several. ``choices``: newest first, those that can be chosen."""

    sentence: Text
    hint: Text = ""
    environment: str
    ambiguous: bool = False
    choices: tuple[VersionChoice, ...] = ()
