"""The answer about leases."""

from dataclasses import dataclass

from domain.facts import Answer
from domain.leases.lease import LeaseReading, Orphan
from domain.people import Person
from domain.rich_text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasesAnswer(Answer):
    """What is set for a time, the first to end first. ``problems``: what could not be compared, and why.

    ``reader`` has buttons for what is theirs; with ``only_mine`` nothing else is listed.
    """

    environments: tuple[str, ...]
    readings: tuple[LeaseReading, ...]
    orphans: tuple[Orphan, ...] = ()
    problems: tuple[Text, ...] = ()
    reader: Person | None = None
    only_mine: bool = False
