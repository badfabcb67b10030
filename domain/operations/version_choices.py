"""Versions to choose from, for a person who named none or an ambiguous one."""

from dataclasses import dataclass
from datetime import datetime

from domain.facts import Answer
from domain.rich_text import Text
from domain.workloads.revisions import revision_name


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChoice:
    """One version to choose. ``command`` is a complete command that requests it.

    ``revision`` is the number of the revision where the version does not say which one; then it is of one service.
    """

    version: str
    image: str
    services: tuple[str, ...]
    created_at: datetime
    revision: int = 0
    command: str = ""

    @property
    def name(self) -> str:
        """The word that selects it in a command."""
        return revision_name(self.revision) if self.revision else self.version

    @property
    def only_service(self) -> str:
        """The service that a command has to name with it: a revision's number is of one service; empty for a version."""
        return self.services[0] if self.revision else ""

    @property
    def label(self) -> str:
        """The name for people: ``main-abc1234``, or ``latest #3``."""
        return f"{self.version} {revision_name(self.revision)}" if self.revision else self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChoices(Answer):
    """The named version is unknown or ambiguous. ``choices`` are newest first, and ``more`` is the number of older ones.

    ``similar``: no version has that name, and these resemble it.
    """

    sentence: Text
    hint: Text = ""
    environment: str
    ambiguous: bool = False
    similar: bool = False
    choices: tuple[VersionChoice, ...] = ()
    more: int = 0
