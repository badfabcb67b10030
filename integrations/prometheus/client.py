"""One Prometheus, asked in our own words."""

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
from urllib.parse import urlsplit

from domain.errors import TemporaryError
from domain.metrics.charts import Series
from domain.metrics.samples import Sample
from integrations.prometheus.request import QueryContext
from integrations.prometheus.results import parse_samples, parse_series

if TYPE_CHECKING:
    from integrations.prometheus.blocking_client import BlockingClient

MAX_POINTS_PER_SERIES = 11_000
"""For each series; Prometheus refuses to give more."""

NO_FILTER: Mapping[str, str] = MappingProxyType({})

_QUERY_CONCURRENCY = 4
"""How many questions are asked at once; others wait, and their time runs."""

_Result = TypeVar("_Result")


class Prometheus:
    """``seconds``: the time for a question, with its wait for a thread; also how long Prometheus itself may compute.

    Every question raises TemporaryError when Prometheus does not answer (properly, in time), Forbidden when it does not let the
    bot in, PermanentError with Prometheus' own sentence for an expression that it does not take.
    """

    def __init__(self, base_url: str, *, timeout_seconds: float = 10.0) -> None:
        self._base_url = base_url.rstrip("/")
        self._host = urlsplit(base_url).netloc.rpartition("@")[2] or base_url
        self._timeout_seconds = timeout_seconds
        self._executor = ThreadPoolExecutor(_QUERY_CONCURRENCY, thread_name_prefix="prometheus")

    async def query_range(
        self, expression: str, since: datetime, until: datetime, *, points: int = 240, only: Mapping[str, str] = NO_FILTER
    ) -> tuple[Series, ...]:
        """What the expression was, in at most ``points`` steps of whole seconds; sorted by name.

        A series is named by the labels in which they differ. Where it has a gap, a point without a value stands.
        ``only``: without series that have one of these labels with another value.
        """
        step = step_seconds(since, until, points)
        return await self._run_query(
            lambda library: parse_series(library.query_range(expression, since, until, step), step, only)
        )

    async def query(self, expression: str, *, only: Mapping[str, str] = NO_FILTER) -> tuple[Sample, ...]:
        """What the expression is, sorted by labels. Of a range (``up[5m]``) the newest value, of a text no value.

        ``only`` as above.
        """
        return await self._run_query(lambda library: parse_samples(library.query(expression), only))

    async def ping(self) -> str:
        """The version, such as ``2.42.0``, of a Prometheus that answers questions. Raises what every question raises."""
        return await self._run_query(lambda library: library.version())

    def close(self) -> None:
        """Who waits for a thread is sent away; a question that is being asked ends with its time."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run_query(self, call: "Callable[[BlockingClient], _Result]") -> _Result:
        cancelled = threading.Event()
        context = QueryContext(self._base_url, self._host, self._timeout_seconds, cancelled)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.get_running_loop().run_in_executor(self._executor, partial(_call_blocking, context, call))
        except TimeoutError as error:
            raise TemporaryError(f"Prometheus at {self._host} did not answer within {self._timeout_seconds:g} s.") from error
        finally:
            cancelled.set()


def step_seconds(since: datetime, until: datetime, points: int) -> int:
    """Whole seconds from one point to the next, so that both ends together are at most ``points``, and never ``MOST_POINTS``."""
    span = round(until.timestamp()) - round(since.timestamp())
    return max(1, math.ceil(span / (max(2, min(points, MAX_POINTS_PER_SERIES)) - 1)))


def _call_blocking(context: QueryContext, call: "Callable[[BlockingClient], _Result]") -> _Result:
    """In a thread, with the import of the library, which takes a quarter of a second."""
    from integrations.prometheus.blocking_client import open_client

    with open_client(context) as client:
        return call(client)


@asynccontextmanager
async def open_prometheus(base_url: str, *, timeout_seconds: float = 10.0) -> AsyncIterator[Prometheus]:
    """Nothing is imported or sent before the first question."""
    prometheus = Prometheus(base_url, timeout_seconds=timeout_seconds)
    try:
        yield prometheus
    finally:
        prometheus.close()
