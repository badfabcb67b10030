"""Locks: a person locks an environment, an operation locks the services that it changes."""

from dataclasses import dataclass
from datetime import datetime

from domain.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRecord:
    """A lock. ``service`` and ``operation`` are empty in a person's lock; ``until`` is None if it does not expire."""

    environment: str
    service: str
    operation: str
    by: Person
    reason: str
    since: datetime
    until: datetime | None
