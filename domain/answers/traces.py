"""Answers about traces."""

from dataclasses import dataclass
from datetime import datetime

from domain.facts import Answer
from domain.rich_text import Text
from domain.traces.critical_path import PathShare
from domain.traces.listing import TraceLine, TraceOrder
from domain.traces.spans import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class TracesAnswer(Answer):
    """Traces of a service, in the order that was asked for. ``jaeger_service`` is its name in Jaeger."""

    environment: str
    service: str
    jaeger_service: str
    order: TraceOrder
    since: datetime
    until: datetime
    lines: tuple[TraceLine, ...] = ()
    cut_at: str = ""
    problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """One span of the waterfall: begin and end as shares of the whole."""

    depth: int
    service: str
    operation: str
    begin: float
    end: float
    duration: int
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceAnswer(Answer):
    """One trace: its first rows, and what its end waited for. ``trace`` has its first spans."""

    environment: str
    id: str
    trace: Trace | None = None
    duration: int = 0
    """Of its longest root, in nanoseconds."""
    spans: int = 0
    """How many were read."""
    rows: tuple[TraceRow, ...] = ()
    path: tuple[PathShare, ...] = ()
    findings: tuple[str, ...] = ()
    """What makes its times or its order doubtful."""
    picture_follows: bool = False
    url: str = ""
    problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceComparison(Answer):
    """What the ends of two traces waited for, the largest difference first: nanoseconds by service and operation."""

    environment: str
    first: str
    second: str
    durations: tuple[int, int] = (0, 0)
    shares: tuple[tuple[str, int, int], ...] = ()
    problem: Text = ""
