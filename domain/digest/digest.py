"""A digest: what it says of one period, and how its numbers compare with those of the days before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.health import HealthLine, LeftByNight
from domain.metrics.charts import TrendRow
from domain.rich_text import Text

AVERAGED_PERIODS = 7
LATE_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What an audience is told about one period, a local date. ``comparisons`` are by the system of a line.

    ``trends`` are what its picture shows. ``problems`` say what could not be found out.
    ``audience`` and ``due_at`` are empty in one that a person asked for.
    """

    audience: str = ""
    environment: str
    channel: str = ""
    period: date
    due_at: datetime | None = None
    made_at: datetime
    lines: tuple[HealthLine, ...] = ()
    comparisons: tuple[tuple[str, str], ...] = ()
    since_yesterday: tuple[Text, ...] = ()
    today: tuple[Text, ...] = ()
    left: tuple[LeftByNight, ...] = ()
    problems: tuple[Text, ...] = ()
    trends: tuple[TrendRow, ...] = ()

    @property
    def is_late(self) -> bool:
        """Whether it was made much later than it was due."""
        return self.due_at is not None and self.made_at - self.due_at >= LATE_AFTER


def compare(lines: Sequence[HealthLine], period: date, earlier: Sequence[Digest]) -> tuple[tuple[str, str], ...]:
    """Each line's number beside that of the period before and the average; ``earlier`` has the newest first."""
    found = [(each.system, _compared(each, period, earlier)) for each in lines if each.value is not None]
    return tuple((system, text) for system, text in found if text)


def _compared(line: HealthLine, period: date, earlier: Sequence[Digest]) -> str:
    known = [(digest.period, value) for digest in earlier for value in _values(digest, line.system)]
    if not known:
        return ""
    day, value = known[0]
    before = "yesterday" if period - day == timedelta(days=1) else f"{day:%a %d %b}"
    texts = [f"{before} {_number(value, line.unit)}"]
    if len(known) > 1:
        average = sum(value for _, value in known) / len(known)
        texts.append(f"average of {len(known)} digests {_number(average, line.unit)}")
    return ", ".join(texts)


def _values(digest: Digest, system: str) -> list[float]:
    return [each.value for each in digest.lines if each.system == system and each.value is not None]


def _number(value: float, unit: str) -> str:
    return f"{value:,.3g}{' ' if unit else ''}{unit}" if abs(value) < 1000 else f"{value:,.0f}{' ' if unit else ''}{unit}"
