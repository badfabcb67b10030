"""What a service exports, under the names that the platform's alert rules use."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.workloads.images import version_of
from sandbox.demo.ready_pods import PodsByImage
from sandbox.demo.services import BALANCER, CACHE, COGNITIVE
from sandbox.demo.traffic import Traffic, behaviour_of

CACHE_HIT_RATIO = 0.63
"""The share of requests that the cache answers by itself."""
_SESSIONS_PER_SECOND = 100
"""Sessions for each second that 95 of 100 requests take: the slower the service, the more of them pile up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter(Collector):
    """One service at one moment. ``backends`` counts the ready pods behind a load balancer."""

    service: str
    pods: PodsByImage
    traffic: Traffic
    backends: int = 0

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        ready = GaugeMetricFamily("deep_echo_ready_pods", "Pods that answer, by version.", labels=["version"])
        for image, count in self.pods.items():
            ready.add_metric([version_of(image)], count)
        yield ready
        if self.service == BALANCER:
            yield GaugeMetricFamily("healthy_backends", "Pods of the application that the balancer can use.", value=self.backends)
        if self.service == CACHE:
            yield from self._cache()
        if self.service == COGNITIVE:
            yield from self._cognitive()

    def _requests(self) -> Iterator[Metric]:
        requests = CounterMetricFamily("flask_http_request", "Requests answered.", labels=["method", "status"])
        for status, count in self.traffic.by_status.items():
            requests.add_metric(["GET", status], count)
        yield requests
        yield self._histogram("flask_http_request_duration_seconds", "How long requests took.")

    def _cache(self) -> Iterator[Metric]:
        asked = self.traffic.by_status.total()
        hits = int(asked * CACHE_HIT_RATIO)
        yield CounterMetricFamily("cache_hits", "Requests that the cache answered by itself.", value=hits)
        yield CounterMetricFamily("cache_misses", "Requests that the cache had to pass on.", value=asked - hits)

    def _cognitive(self) -> Iterator[Metric]:
        yield self._histogram("cognitive_processing_duration_seconds", "How long thinking took.")
        slowest = max((behaviour_of(image).p95 for image in self.pods), default=0.0)
        yield GaugeMetricFamily(
            "cognitive_active_sessions", "Sessions that are open.", value=round(slowest * _SESSIONS_PER_SECOND)
        )

    def _histogram(self, name: str, help_text: str) -> Metric:
        seconds = self.traffic.latencies
        family = HistogramMetricFamily(name, help_text, labels=["method"])
        family.add_metric(["GET"], seconds.buckets(), seconds.total)
        return family


@dataclass(frozen=True, slots=True)
class RedisExporter(Collector):
    """The Redis behind a cache, which is up as long as the cache is."""

    up: bool

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("redis_up", "Whether Redis answers.", value=int(self.up))


def exposition(exporter: Collector) -> bytes:
    """Prometheus' text format."""
    return generate_latest(exporter)
