"""A digest: what it says of one period, and how its numbers compare with those of the days before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.health import HealthLine, LeftByNight
from domain.metrics.charts import TrendRow
from domain.metrics.slo import with_unit
from domain.rich_text import Text

AVERAGED_PERIODS = 7
LATE_AFTER = timedelta(minutes=15)
DAY = timedelta(days=1)
MAX_SPAN = timedelta(days=7)
"""A digest tells of no more than a week, however long ago the one before it was."""
NIGHT = timedelta(hours=14)
"""From 18:00 to a digest at 08:00."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What an audience is told about one period, a local date. ``comparisons`` are by the system of a line.

    ``trends`` are what its picture shows. ``problems`` say what could not be found out.
    ``audience`` and ``due_at`` are empty in one that a person asked for. ``since`` is the period of the digest before it, from
    which on it tells what happened; None where there was none: then it is the last day.
    """

    audience: str = ""
    environment: str
    channel: str = ""
    period: date
    due_at: datetime | None = None
    made_at: datetime
    greeting: str = "Good morning"
    since: date | None = None
    lines: tuple[HealthLine, ...] = ()
    comparisons: tuple[tuple[str, str], ...] = ()
    since_yesterday: tuple[Text, ...] = ()
    today: tuple[Text, ...] = ()
    left: tuple[LeftByNight, ...] = ()
    problems: tuple[Text, ...] = ()
    trends: tuple[TrendRow, ...] = ()

    @property
    def is_of_one_day(self) -> bool:
        """Whether it tells of the time since yesterday, and not of a weekend or more."""
        return self.since is None or self.period - self.since <= DAY

    @property
    def is_late(self) -> bool:
        """Whether it was made much later than it was due."""
        return self.due_at is not None and self.made_at - self.due_at >= LATE_AFTER


def begin_of(previous_due_at: datetime | None, at: datetime) -> datetime:
    """The instant from which on a digest tells what happened: when the one before it was due, else a day before it is made."""
    return max(previous_due_at, at - MAX_SPAN) if previous_due_at is not None else at - DAY


def nightfall(begin: datetime, at: datetime) -> datetime:
    """The begin of the night: the evening before, or that after the digest before this one, so that a weekend is one night."""
    return min(begin + DAY - NIGHT, at - NIGHT)


def greeting(hour: int) -> str:
    """How one is greeted at an hour of the day."""
    return "Good morning" if hour < 12 else "Good afternoon" if hour < 18 else "Good evening"


def compare(lines: Sequence[HealthLine], period: date, earlier: Sequence[Digest]) -> tuple[tuple[str, str], ...]:
    """Each line's number beside that of the period before and the average; ``earlier`` has the newest first."""
    found = [(each.system, _compared(each, period, earlier)) for each in lines if each.value is not None]
    return tuple((system, text) for system, text in found if text)


def _compared(line: HealthLine, period: date, earlier: Sequence[Digest]) -> str:
    known = [(digest.period, value) for digest in earlier for value in _values(digest, line.system)]
    if not known:
        return ""
    day, value = known[0]
    before = "yesterday" if period - day == DAY else f"{day:%a %d %b}"
    texts = [f"{before} {with_unit(value, line.unit)}"]
    if len(known) > 1:
        average = sum(value for _, value in known) / len(known)
        texts.append(f"average of {len(known)} digests {with_unit(average, line.unit)}")
    return ", ".join(texts)


def _values(digest: Digest, system: str) -> list[float]:
    return [each.value for each in digest.lines if each.system == system and each.value is not None]
