"""Finds traces of a service in the Jaeger of an environment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.traces.listing import TraceLine, TraceOrder, lines_of
from domain.traces.queries import TraceQuery
from domain.traces.spans import ReadSpans, traces_of


class TraceSource(Protocol):
    """What is asked of a Jaeger."""

    async def find(self, query: TraceQuery) -> ReadSpans: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceWindow:
    """The traces of a service in an environment, from ``since`` to ``until``."""

    environment: str
    service: str
    since: datetime
    until: datetime
    order: TraceOrder
    min_duration: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTraces:
    """What was found. ``jaeger_service`` is the name that Jaeger was asked for."""

    jaeger_service: str
    lines: tuple[TraceLine, ...]
    cut_at: str = ""
    """The budget that ended the reading: there may be more, and the last trace read is incomplete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSearch:
    """``jaeger`` gives the client of an environment, and None where the catalogue names no address."""

    catalogue: Callable[[], Catalogue]
    jaeger: Callable[[str], TraceSource | None]

    async def find(self, window: TraceWindow) -> FoundTraces | None:
        """The traces in the order of the window; None where there is no Jaeger. Raises what the client raises."""
        source = self.jaeger(window.environment)
        if source is None:
            return None
        known = self.catalogue().services.get(window.service)
        name = (known.jaeger_service if known else "") or window.service
        query = TraceQuery(
            service=name,
            since=window.since,
            until=window.until,
            min_duration=window.min_duration,
            with_errors=window.order is TraceOrder.ERRORS,
        )
        read = await source.find(query)
        return FoundTraces(jaeger_service=name, lines=lines_of(traces_of(read), window.order), cut_at=read.cut_at)
