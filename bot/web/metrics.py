"""``/metrics``: plain counters of other objects, read when Prometheus scrapes, so that requests do not pay for it."""

from collections.abc import Mapping, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bot.core.metrics import LabelledMetricSpec, MetricCollector, MetricSpec
from storage.store import Store

__all__ = ["MetricSpec", "MetricsEndpoint"]


class MetricsEndpoint:
    """Serves a registry of its own: the global one has other libraries' metrics, and two bots in one test would collide in it."""

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self._store, self._collector = store, MetricCollector()
        self._messages_by_state: Mapping[str, int] = {}
        outbox = LabelledMetricSpec(
            "deepecho_outbox_messages", "gauge", "Messages of the outbox by state", "state", lambda: self._messages_by_state
        )
        self.registry.register(self._collector)
        self.registry.register(MetricCollector([outbox]))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def set_metrics(self, specs: Sequence[MetricSpec | LabelledMetricSpec]) -> None:
        """Replace the metrics that are served."""
        self._collector.set_specs(specs)

    async def serve(self, _request: web.Request) -> web.Response:
        """Serve the metrics in Prometheus' text format."""
        async with self._store.read() as tx:
            self._messages_by_state = await tx.outbox.count_by_state()
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
