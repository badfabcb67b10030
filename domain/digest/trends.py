"""The picture of a digest: each number over the last day as it was measured, or over the last week as digests had it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.digest.digest import AVERAGED_PERIODS, Digest
from domain.health import HealthLine
from domain.metrics.charts import TrendChart, TrendRow
from domain.metrics.slo import with_unit

MIN_POINTS = 2
"""One value is no trend."""
MAX_ROWS = 10

Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestChart:
    """The picture that follows a digest in its thread."""

    environment: str
    channel: str
    chart: TrendChart


def trend_rows(lines: Sequence[HealthLine], period: date, earlier: Sequence[Digest]) -> tuple[TrendRow, ...]:
    """A row for each line with at least two values; ``earlier`` has the newest digest first."""
    rows = (_of_series(each) or _of_digests(each, period, earlier) for each in lines)
    return tuple(row for row in rows if row is not None)


def trend_chart(digest: Digest) -> TrendChart | None:
    """The picture of a digest; None where it has no numbers to draw."""
    if not digest.trends:
        return None
    return TrendChart(
        title=f"Health of {digest.environment}",
        subtitle=f"until {digest.made_at:%a %d %b %Y %H:%M} UTC",
        rows=digest.trends[:MAX_ROWS],
        left_out=max(0, len(digest.trends) - MAX_ROWS),
    )


def _of_series(line: HealthLine) -> TrendRow | None:
    last = len(line.series) - 1
    points = tuple((number / last, value) for number, value in enumerate(line.series)) if last > 0 else ()
    return _row(line, points, "last day")


def _of_digests(line: HealthLine, period: date, earlier: Sequence[Digest]) -> TrendRow | None:
    """The line's values on the dates of digests within the last week, today's last."""
    past = {
        (period - digest.period).days: each.value for digest in earlier for each in digest.lines if each.system == line.system
    }
    days = {0: line.value} | past
    points = tuple((1 - ago / AVERAGED_PERIODS, days[ago]) for ago in sorted(days, reverse=True) if ago <= AVERAGED_PERIODS)
    return _row(line, points, "last week")


def _row(line: HealthLine, points: tuple[Point, ...], span: str) -> TrendRow | None:
    known = [value for _, value in points if value is not None]
    if len(known) < MIN_POINTS:
        return None
    low, high, newest = (with_unit(value, line.unit) for value in (min(known), max(known), known[-1]))
    when = "now" if points[-1][1] is not None else "last"
    return TrendRow(name=line.system, value=f"{when} {newest}", span=span, low=low, high=high, points=points)
