"""What the demo services would have counted before they were started, so that the last day can be looked at from the beginning.

The counters that the objectives are made of, and no others: as busy as by day and by night, a little better and worse meanwhile,
and at the end as ``traffic`` goes on.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.targets import Target
from sandbox.demo.metrics import CACHE_HIT_RATIO
from sandbox.demo.services import CACHE, requests_per_second
from sandbox.demo.traffic import GOOD_VERSION, mean_latency

LENGTH = timedelta(hours=26)
"""The deploy guard compares with the hour before the same time of yesterday."""
STEP = timedelta(minutes=2)
"""A rate over five minutes needs two samples."""
_DAY_SECONDS = 86_400.0
_NIGHT_DEPTH = 0.25
"""By night there are half as many requests as by day."""
_SWING = 0.4
_SWINGS_PER_DAY = 3


@dataclass(slots=True)
class _Counters:
    """What one service has counted so far."""

    good: float = 0.0
    failed: float = 0.0
    seconds: float = 0.0
    hits: float = 0.0

    def advance(self, requests: float, swing: float) -> None:
        failed = requests * GOOD_VERSION.errors * (1 + swing)
        self.good += requests - failed
        self.failed += failed
        self.seconds += requests * mean_latency(GOOD_VERSION) * (1 + swing / 8)
        self.hits += requests * CACHE_HIT_RATIO * (1 - swing / 8)

    def samples(self, *, is_cache: bool) -> Iterator[tuple[str, str, float]]:
        """Name, labels of its own and value."""
        asked = self.good + self.failed
        yield "flask_http_request_total", ',method="GET",status="200"', self.good
        yield "flask_http_request_total", ',method="GET",status="500"', self.failed
        yield "flask_http_request_duration_seconds_sum", ',method="GET"', self.seconds
        yield "flask_http_request_duration_seconds_count", ',method="GET"', asked
        if is_cache:
            yield "cache_hits_total", "", self.hits
            yield "cache_misses_total", "", asked - self.hits


def past_samples(targets: Iterable[Target], address: str, until: datetime) -> Iterator[str]:
    """OpenMetrics, a line each, of what Prometheus would have scraped from ``address`` until then."""
    for target in targets:
        rate = requests_per_second(target)
        if rate:
            yield from _samples_of(target, rate, address, until)
    yield "# EOF"


def _samples_of(target: Target, rate: float, address: str, until: datetime) -> Iterator[str]:
    labels = f'job="{target.service}",environment="{target.environment}",service="{target.service}",instance="{address}"'
    counters, step = _Counters(), STEP.total_seconds()
    for number in range(int(LENGTH / STEP), -1, -1):
        ago = number * step
        phase = 2 * math.pi * ago / _DAY_SECONDS
        busy = 1 + _NIGHT_DEPTH * (math.cos(phase) - 1)
        counters.advance(rate * busy * step, _SWING * math.sin(_SWINGS_PER_DAY * phase))
        at = until.timestamp() - ago
        for name, own, value in counters.samples(is_cache=target.service == CACHE):
            yield f"{name}{{{labels}{own}}} {value:.6g} {at:.3f}"
