"""Client of one Prometheus: instant and range queries, run in threads."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from domain.metrics.charts import Series
from domain.metrics.monitoring_rules import AlertRule, ScrapeTarget
from domain.metrics.samples import QueryResult, Sample
from integrations.http import DEFAULT_TIMEOUT_SECONDS, HttpCall, host_of, timeout_error
from integrations.prometheus.request import QueryContext
from integrations.prometheus.results import parse_samples, parse_series
from integrations.prometheus.status import parse_rules, parse_targets

if TYPE_CHECKING:
    from integrations.prometheus.blocking_client import BlockingClient

MAX_POINTS_PER_SERIES = 11_000
"""Prometheus rejects range queries with more points per series."""

NO_FILTER: Mapping[str, str] = MappingProxyType({})

_QUERY_CONCURRENCY = 4
"""Concurrent queries. Further ones wait for a thread, and the wait counts towards their timeout."""

_Result = TypeVar("_Result")


class Prometheus:
    """``timeout_seconds`` limits a query, with its wait for a thread, and the evaluation inside Prometheus.

    Every query raises TemporaryError when Prometheus does not answer properly and in time, Forbidden when it refuses the
    credentials, PermanentError with Prometheus' own message for an expression that it rejects.
    """

    def __init__(self, base_url: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self._base_url = base_url.rstrip("/")
        self._call = HttpCall(server=f"Prometheus at {host_of(base_url)}", timeout_seconds=timeout_seconds)
        self._executor = ThreadPoolExecutor(_QUERY_CONCURRENCY, thread_name_prefix="prometheus")

    async def query_range(
        self, expression: str, since: datetime, until: datetime, *, points: int = 240, only: Mapping[str, str] = NO_FILTER
    ) -> QueryResult[Series]:
        """Evaluate the expression over time, in at most ``points`` steps of whole seconds. The series are sorted by name.

        A series is named by the labels that distinguish it from the others. A gap is marked by one point without a value.
        ``only`` keeps the series that contradict the fewest of these labels; their ``differing_labels`` name those.
        """
        step = step_seconds(since, until, points)
        return await self._run_query(
            lambda library: QueryResult(
                parse_series(library.query_range(expression, since, until, step), step, only), library.notices
            )
        )

    async def query(
        self, expression: str, *, only: Mapping[str, str] = NO_FILTER, at: datetime | None = None
    ) -> QueryResult[Sample]:
        """Evaluate the expression now, or as it was ``at`` another time. The samples are sorted by labels.

        A range (``up[5m]``) gives its newest value, a string a sample without a value. ``only`` is as in ``query_range``.
        """
        return await self._run_query(
            lambda library: QueryResult(parse_samples(library.query(expression, at), only), library.notices)
        )

    async def ping(self) -> str:
        """Read the server's version, such as ``2.42.0``. Raises the same errors as a query."""
        return await self._run_query(lambda library: library.version())

    async def targets(self) -> QueryResult[ScrapeTarget]:
        """What is scraped now, sorted by job and instance. Raises the same errors as a query."""
        return await self._run_query(
            lambda library: QueryResult(parse_targets(library.status("targets?state=active")), library.notices)
        )

    async def rules(self) -> QueryResult[AlertRule]:
        """The rules that can make an alert, with their alerts. Raises the same errors as a query."""
        return await self._run_query(
            lambda library: QueryResult(parse_rules(library.status("rules?type=alert")), library.notices)
        )

    def close(self) -> None:
        """Cancel the queries that wait for a thread; a running one ends at its timeout."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run_query(self, call: "Callable[[BlockingClient], _Result]") -> _Result:
        cancelled = threading.Event()
        context = QueryContext(self._base_url, self._call, cancelled)
        try:
            async with asyncio.timeout(self._call.timeout_seconds):
                return await asyncio.get_running_loop().run_in_executor(self._executor, partial(_call_blocking, context, call))
        except TimeoutError as error:
            raise timeout_error(self._call) from error
        finally:
            # A thread cannot be cancelled: it reads this flag between two chunks of the response.
            cancelled.set()


def step_seconds(since: datetime, until: datetime, points: int) -> int:
    """The step in whole seconds that gives at most ``points`` points, both ends included, and never over the server's limit."""
    span = round(until.timestamp()) - round(since.timestamp())
    # Both ends are points, so that n points have n - 1 steps between them.
    return max(1, math.ceil(span / (max(2, min(points, MAX_POINTS_PER_SERIES)) - 1)))


def _call_blocking(context: QueryContext, call: "Callable[[BlockingClient], _Result]") -> _Result:
    """Run the query in a worker thread; so does the first import of the library, which takes a quarter of a second."""
    from integrations.prometheus.blocking_client import open_client

    with open_client(context) as client:
        return call(client)


@asynccontextmanager
async def open_prometheus(base_url: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> AsyncIterator[Prometheus]:
    """Open a client. The library is imported, and the connection made, by the first query."""
    prometheus = Prometheus(base_url, timeout_seconds=timeout_seconds)
    try:
        yield prometheus
    finally:
        prometheus.close()
