"""What is asked of a Prometheus, and how long an answer is waited for."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

from domain.errors import TemporaryError
from domain.metrics.charts import Series
from domain.metrics.samples import Sample

ANY_LABELS: Mapping[str, str] = {}


class InstantQueries(Protocol):
    """Values of now."""

    async def query(self, expression: str, *, only: Mapping[str, str]) -> tuple[Sample, ...]: ...


class Queries(Protocol):
    """Values of now, or of another instant, and values over a time."""

    async def query(self, expression: str, *, only: Mapping[str, str], at: datetime | None = None) -> tuple[Sample, ...]: ...

    async def query_range(self, expression: str, since: datetime, until: datetime, *, points: int = ...) -> tuple[Series, ...]:
        """In as many points as a chart needs, unless they are given."""
        ...


def deadline_in(seconds: float) -> float:
    """The time of the event loop so many seconds from now."""
    return asyncio.get_running_loop().time() + seconds


@asynccontextmanager
async def answer_until(deadline: float) -> AsyncIterator[None]:
    """Ask within it. Raises ``TemporaryError`` where Prometheus has not answered by then, as where it is down."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError as error:
        raise TemporaryError("Prometheus did not answer in time.") from error
