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
from integrations.prometheus.request import Line
from integrations.prometheus.results import samples_of, series_of

if TYPE_CHECKING:
    from integrations.prometheus.blocking_client import Library

MOST_POINTS = 11_000
"""For each series; Prometheus refuses to give more."""

ALL: Mapping[str, str] = MappingProxyType({})

_THREADS = 4
"""How many questions are asked at once; others wait, and their time runs."""

_Found = TypeVar("_Found")


class Prometheus:
    """``seconds``: the time for a question, with its wait for a thread; also how long Prometheus itself may compute.

    Every question raises TemporaryError when Prometheus does not answer (properly, in time), Forbidden when it does not let the
    bot in, PermanentError with Prometheus' own sentence for an expression that it does not take.
    """

    def __init__(self, address: str, *, seconds: float = 10.0) -> None:
        self._address = address.rstrip("/")
        self._place = urlsplit(address).netloc.rpartition("@")[2] or address
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="prometheus")

    async def range(
        self, expression: str, since: datetime, until: datetime, *, points: int = 240, only: Mapping[str, str] = ALL
    ) -> tuple[Series, ...]:
        """What the expression was, in at most ``points`` steps of whole seconds; sorted by name.

        A series is named by the labels in which they differ. Where it has a gap, a point without a value stands.
        ``only``: without series that have one of these labels with another value.
        """
        step = step_of(since, until, points)
        return await self._asked(lambda library: series_of(library.ranged(expression, since, until, step), step, only))

    async def now(self, expression: str, *, only: Mapping[str, str] = ALL) -> tuple[Sample, ...]:
        """What the expression is, sorted by labels. Of a range (``up[5m]``) the newest value, of a text no value.

        ``only`` as above.
        """
        return await self._asked(lambda library: samples_of(library.instant(expression), only))

    async def ping(self) -> str:
        """The version, such as ``2.42.0``, of a Prometheus that answers questions. Raises what every question raises."""
        return await self._asked(lambda library: library.version())

    def close(self) -> None:
        """Who waits for a thread is sent away; a question that is being asked ends with its time."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _asked(self, question: "Callable[[Library], _Found]") -> _Found:
        given_up = threading.Event()
        line = Line(self._address, self._place, self._seconds, given_up)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, partial(_ask, line, question))
        except TimeoutError as error:
            raise TemporaryError(f"Prometheus at {self._place} did not answer within {self._seconds:g} s.") from error
        finally:
            given_up.set()


def step_of(since: datetime, until: datetime, points: int) -> int:
    """Whole seconds from one point to the next, so that both ends together are at most ``points``, and never ``MOST_POINTS``."""
    span = round(until.timestamp()) - round(since.timestamp())
    return max(1, math.ceil(span / (max(2, min(points, MOST_POINTS)) - 1)))


def _ask(line: Line, question: "Callable[[Library], _Found]") -> _Found:
    """In a thread, with the import of the library, which takes a quarter of a second."""
    from integrations.prometheus.blocking_client import opened

    with opened(line) as library:
        return question(library)


@asynccontextmanager
async def open_prometheus(address: str, *, seconds: float = 10.0) -> AsyncIterator[Prometheus]:
    """Nothing is imported or sent before the first question."""
    prometheus = Prometheus(address, seconds=seconds)
    try:
        yield prometheus
    finally:
        prometheus.close()
