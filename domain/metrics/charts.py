"""What a chart shows, before anybody draws it. Its numbers stand in words beside it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line: seconds since 1970 with a value, oldest first. None where Prometheus has no number (NaN, infinite)."""

    name: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class Marker:
    """Something that happened: a deploy, the moment the alert began."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """``threshold`` is the alert's limit, where its expression compares with a number. ``left_out``: lines that are not drawn."""

    title: str
    since: datetime
    until: datetime
    series: tuple[Series, ...]
    threshold: float | None = None
    markers: tuple[Marker, ...] = ()
    left_out: int = 0
