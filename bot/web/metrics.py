"""``/metrics``: what is counted elsewhere as plain numbers, collected when Prometheus asks, so that no request pays for it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, Metric, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from storage.store import Store


@dataclass(frozen=True, slots=True)
class Number:
    """One number: ``counter`` only grows, ``gauge`` moves."""

    name: str
    kind: str
    help: str
    read: Callable[[], float]


class _Numbers(Collector):
    def __init__(self) -> None:
        self.numbers: tuple[Number, ...] = ()
        self.outbox: Mapping[str, int] = {}

    def collect(self) -> Iterator[Metric]:
        for number in self.numbers:
            metric = Metric(number.name, number.help, number.kind)
            metric.add_sample(f"{number.name}_total" if number.kind == "counter" else number.name, {}, number.read())
            yield metric
        rows = Metric("deepecho_outbox_rows", "Rows of the outbox by state", "gauge")
        for state, count in self.outbox.items():
            rows.add_sample("deepecho_outbox_rows", {"state": state}, count)
        yield rows


class Metrics:
    """A registry of our own: nothing of other libraries slips in, and two bots in one test do not meet."""

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self._store, self._numbers = store, _Numbers()
        self.registry.register(self._numbers)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def count(self, numbers: tuple[Number, ...]) -> None:
        """What the page tells from now on."""
        self._numbers.numbers = numbers

    async def serve(self, _request: web.Request) -> web.Response:
        """The page that Prometheus reads."""
        async with self._store.read() as tx:
            self._numbers.outbox = await tx.outbox.counts()
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
