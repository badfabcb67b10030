"""Who holds what still. A person locks an environment; an operation locks the services it changes."""

from dataclasses import dataclass
from datetime import datetime

from domain.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRecord:
    """A lock. ``service`` and ``operation`` are empty for a person's lock; ``until`` is None for one without an end."""

    environment: str
    service: str
    operation: str
    by: Person
    reason: str
    since: datetime
    until: datetime | None
