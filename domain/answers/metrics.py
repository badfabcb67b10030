"""Answers about what is measured."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.facts import Answer
from domain.metrics.samples import QueryNotice
from domain.rich_text import Text


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One series: its newest value, and the one at the same time before; None without data.

    ``ended`` is the time of the newest value where that is not now.
    """

    name: str
    value: float | None
    before: float | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricAnswer(Answer):
    """The series with the highest newest values. ``total`` counts all of them; None where that is not known.

    ``compared`` is how long before the second value is; ``note`` says where the picture is, or why there is none.
    """

    title: str
    environment: str
    expression: str
    unit: str
    since: datetime
    until: datetime
    lines: tuple[MetricLine, ...] = ()
    total: int | None = None
    compared: timedelta | None = None
    problem: Text = ""
    note: Text = ""
    notices: tuple[QueryNotice, ...] = ()
