"""The answer about leases."""

from dataclasses import dataclass

from domain.facts import Answer
from domain.leases.lease import LeaseReading, Orphan
from domain.rich_text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasesAnswer(Answer):
    """What is set for a time, the first to end first. ``problems``: what could not be compared, and why."""

    environments: tuple[str, ...]
    readings: tuple[LeaseReading, ...]
    orphans: tuple[Orphan, ...] = ()
    problems: tuple[Text, ...] = ()
