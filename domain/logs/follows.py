"""What a person follows: a message with the newest lines, edited until its time is over."""

from dataclasses import dataclass
from datetime import datetime

from domain.logs.filters import LogFilter
from domain.logs.lines import LogLine
from domain.people import Person
from domain.rich_text import Text

MAX_SHOWN = 15
"""Lines of the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFollow:
    """Lines of a service since ``since``, for one person. ``id`` is the key of its message."""

    id: str
    person: Person
    environment: str
    service: str
    filter: LogFilter
    since: datetime
    until: datetime
    read_at: datetime
    lines: tuple[LogLine, ...] = ()
    """The newest."""
    total: int = 0
    problem: Text = ""
    """Why the last reading failed; the lines are those of the one before."""
    is_over: bool = False
    was_replaced: bool = False
    """Its person began to follow something else."""
