"""The contents of a chart, before it is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line: pairs of seconds since 1970 and a value, oldest first. The value is None if it is NaN or infinite."""

    name: str
    points: tuple[tuple[float, float | None], ...]
    differing_labels: tuple[str, ...] = ()
    """Labels whose value is not the alert's; see ``domain.metrics.nearest_series``."""
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)
    """All of its labels: which of them are in the name depends on the other series."""
    earlier: str = ""
    """``1 day before``: this is the series of that name at an earlier time, moved to now. Empty for one of now."""


@dataclass(frozen=True, slots=True)
class Marker:
    """An event to mark: a deploy, the beginning of the alert."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """``threshold`` is the number that the alert's expression compares with. ``left_out`` counts lines that are not drawn."""

    title: str
    since: datetime
    until: datetime
    series: tuple[Series, ...]
    threshold: float | None = None
    markers: tuple[Marker, ...] = ()
    left_out: int = 0

    @property
    def current(self) -> tuple[Series, ...]:
        """The series of now."""
        return tuple(series for series in self.series if not series.earlier)


@dataclass(frozen=True, slots=True)
class BarSeries:
    """One kind of what is counted: a number for each bar."""

    name: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Counts as stacked bars, the first series on top. ``labels`` stand below the bars, one for each."""

    title: str
    subtitle: str
    labels: tuple[str, ...]
    series: tuple[BarSeries, ...]


Stretch = tuple[float, float]
"""Begin and end as shares of the width of a picture: 0 is its left edge, 1 its right one. Both may lie beyond these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallBar:
    """One piece of work. ``depth`` counts the bars that it is part of, and ``value`` is its duration in words."""

    name: str
    value: str
    depth: int
    extent: Stretch
    waited_for: tuple[Stretch, ...] = ()
    """When the end of the whole waited for this work itself."""
    outside: tuple[Stretch, ...] = ()
    """What lies before or after the work that it is part of."""
    is_error: bool = False
    is_detached: bool = False
    """Whether the work that it is part of is not drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallChart:
    """What ran when. ``origin`` is what the time axis says at the left edge; it and ``width`` are nanoseconds."""

    title: str
    subtitle: str
    bars: tuple[WaterfallBar, ...]
    origin: int
    width: int
    gaps: tuple[Stretch, ...] = ()
    """When no span ran."""
    notes: tuple[str, ...] = ()
    """What the picture does not show, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRow:
    """One number over time. ``points``: shares of the row's width, 0 to 1 and ascending, each with a value or None for a gap.

    ``value`` is the newest in words, ``span`` the time of the row, ``low`` and ``high`` its extremes in words.
    """

    name: str
    value: str
    span: str
    low: str
    high: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendChart:
    """A row for each number, each on a scale of its own. ``left_out`` counts rows that are not drawn."""

    title: str
    subtitle: str
    rows: tuple[TrendRow, ...]
    left_out: int = 0


AnyChart = Chart | BarChart | WaterfallChart | TrendChart
