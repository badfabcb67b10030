"""The answer about a digest."""

from dataclasses import dataclass

from domain.digest.digest import Digest
from domain.facts import Answer


@dataclass(frozen=True, slots=True)
class DigestAnswer(Answer):
    """A digest that a person asked for: as it would be now, or as it was."""

    digest: Digest
