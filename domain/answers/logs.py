"""Answers about logs."""

from dataclasses import dataclass
from datetime import datetime

from domain.facts import Answer
from domain.logs.lines import LogPage
from domain.logs.patterns import LogPattern
from domain.rich_text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsAnswer(Answer):
    """Lines of a service, oldest first, and the patterns in them. ``words`` is what was looked for."""

    environment: str
    service: str
    words: str
    since: datetime
    until: datetime
    page: LogPage | None = None
    patterns: tuple[LogPattern, ...] = ()
    problem: Text = ""
    note: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPatternsAnswer(Answer):
    """Patterns of a service's lines, compared with those of as long a time before."""

    environment: str
    service: str
    words: str
    since: datetime
    until: datetime
    page: LogPage | None = None
    patterns: tuple[LogPattern, ...] = ()
    is_compared: bool = False
    problem: Text = ""
