"""Requests that nobody sends: counted one by one, evenly spread instead of random, so that rates are steady and repeatable."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from domain.workloads.images import version_of

BAD_TAG_MARKER = "bad5eed"
"""A version whose tag contains this is the one that should not have been deployed."""
BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""
_GOLDEN = (math.sqrt(5) - 1) / 2
"""Its multiples fall evenly between 0 and 1, however many are taken."""
_LATENCIES = NormalDist(0, 0.8)
_P95 = math.exp(_LATENCIES.inv_cdf(0.95))
_WAVE_AMPLITUDE = 0.1
_WAVE_PERIOD_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Behaviour:
    """``errors``: the share of requests that fail; ``p95``: seconds within which 95 of 100 are answered."""

    errors: float
    p95: float


GOOD_VERSION = Behaviour(errors=0.003, p95=0.25)
BAD_VERSION = Behaviour(errors=0.14, p95=2.0)


def behaviour_of(image: str) -> Behaviour:
    """How a version behaves, which only its tag decides."""
    return BAD_VERSION if BAD_TAG_MARKER in version_of(image) else GOOD_VERSION


def mean_latency(behaviour: Behaviour) -> float:
    """Seconds that a request takes in the mean."""
    return behaviour.p95 / _P95 * math.exp(_LATENCIES.variance / 2)


class Histogram:
    """Seconds, counted by ``BUCKETS``."""

    def __init__(self) -> None:
        self.total = 0.0
        self._counts = [0] * (len(BUCKETS) + 1)

    def add(self, seconds: float) -> None:
        index = next((index for index, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))
        self._counts[index] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound and how many were at most that, as Prometheus has them."""
        bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
        return [(bound, float(sum(self._counts[: place + 1]))) for place, bound in enumerate(bounds)]


class Traffic:
    """What a service has counted since it began. It is never taken back, so that the counters only grow."""

    def __init__(self, requests_per_second: float) -> None:
        self.by_status: Counter[str] = Counter({"200": 0, "404": 0, "500": 0, "503": 0})
        self.latencies = Histogram()
        self._rate = requests_per_second
        self._age = 0.0
        self._pending_requests = 0.0
        self._served = 0
        self._pending_errors = 0.0
        self._errors = 0

    def advance(self, seconds: float, pods: Mapping[str, int]) -> None:
        """Serve what came in meanwhile, each pod in turn. ``pods`` counts the ready ones by image; without any nobody answers."""
        self._age += seconds
        images = [image for image, count in sorted(pods.items()) for _ in range(count)]
        if not images:
            return
        wave = 1 + _WAVE_AMPLITUDE * math.sin(2 * math.pi * self._age / _WAVE_PERIOD_SECONDS)
        self._pending_requests += self._rate * wave * seconds
        while self._pending_requests >= 1:
            self._pending_requests -= 1
            self._serve(behaviour_of(images[self._served % len(images)]))

    def _serve(self, behaviour: Behaviour) -> None:
        self._served += 1
        self._pending_errors += behaviour.errors
        self.by_status[self._status()] += 1
        rank = min(max(self._served * _GOLDEN % 1, 1e-6), 1 - 1e-6)
        self.latencies.add(math.exp(_LATENCIES.inv_cdf(rank)) * behaviour.p95 / _P95)

    def _status(self) -> str:
        if self._pending_errors >= 1:
            self._pending_errors -= 1
            self._errors += 1
            return "500" if self._errors % 4 else "503"
        return "200" if self._served % 60 else "404"
