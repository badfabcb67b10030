"""Answers about digests."""

from dataclasses import dataclass
from datetime import date, datetime

from domain.digest.digest import Digest
from domain.facts import Answer


@dataclass(frozen=True, slots=True)
class DigestAnswer(Answer):
    """A digest that a person asked for: as it would be now, or as it was."""

    digest: Digest
    is_past: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAudience:
    """When an audience gets its next digest, and which was its last. ``next_at`` is None until it is planned."""

    audience: str
    environment: str
    next_at: datetime | None
    last: date | None
    is_delivered: bool = False
    """Whether the last one is in Slack."""


@dataclass(frozen=True, slots=True)
class DigestsAnswer(Answer):
    """The digests of the environments that a person may see."""

    audiences: tuple[PlannedAudience, ...]
