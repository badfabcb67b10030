"""What traces are looked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_FOUND = 20
"""Traces of one search: Jaeger answers with all spans of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceQuery:
    """Traces in which ``service``, by its name in Jaeger, has a span that started in the time and fits the rest."""

    service: str
    since: datetime
    until: datetime
    min_duration: timedelta = timedelta()
    """Of one span; zero for any."""
    with_errors: bool = False
    limit: int = MAX_FOUND
