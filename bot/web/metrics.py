"""``/metrics``: plain counters of other objects, read when Prometheus scrapes, so that requests do not pay for it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, Metric, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from storage.store import Store


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric. ``kind``: ``counter`` (only grows) or ``gauge``; ``read`` returns the current value."""

    name: str
    kind: str
    help: str
    read: Callable[[], float]


class _MetricCollector(Collector):
    def __init__(self) -> None:
        self.specs: tuple[MetricSpec, ...] = ()
        self.outbox: Mapping[str, int] = {}

    def collect(self) -> Iterator[Metric]:
        for spec in self.specs:
            metric = Metric(spec.name, spec.help, spec.kind)
            metric.add_sample(f"{spec.name}_total" if spec.kind == "counter" else spec.name, {}, spec.read())
            yield metric
        rows = Metric("deepecho_outbox_rows", "Rows of the outbox by state", "gauge")
        for state, count in self.outbox.items():
            rows.add_sample("deepecho_outbox_rows", {"state": state}, count)
        yield rows


class MetricsEndpoint:
    """Serves a registry of its own: the global one has other libraries' metrics, and two bots in one test would collide in it."""

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self._store, self._collector = store, _MetricCollector()
        self.registry.register(self._collector)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def set_metrics(self, specs: tuple[MetricSpec, ...]) -> None:
        """Replace the metrics that are served."""
        self._collector.specs = specs

    async def serve(self, _request: web.Request) -> web.Response:
        """Serve the metrics in Prometheus' text format."""
        async with self._store.read() as tx:
            self._collector.outbox = await tx.outbox.count_by_state()
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
