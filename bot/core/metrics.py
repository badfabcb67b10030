"""The one way to register a metric: its name, and how to read the number that is counted elsewhere.

Numbers are read when Prometheus asks, so that no request pays for them. Names are ``deepecho_<things>_<participle>`` for
counters, to which ``_total`` is added, and ``deepecho_<things>[_<state or unit>]`` for gauges.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import Metric
from prometheus_client.registry import Collector

Kind = Literal["counter", "gauge"]
_NAME = re.compile(r"deepecho(_[a-z]+)+(?<!_total)")


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One number: ``counter`` only grows, ``gauge`` moves."""

    name: str
    kind: Kind
    help: str
    read: Callable[[], float]

    def samples(self) -> Iterator[tuple[Mapping[str, str], float]]:
        """The number, without labels."""
        yield {}, self.read()


@dataclass(frozen=True, slots=True)
class LabelledMetricSpec:
    """A number for each value of one label."""

    name: str
    kind: Kind
    help: str
    label: str
    read: Callable[[], Mapping[str, float]]

    def samples(self) -> Iterator[tuple[Mapping[str, str], float]]:
        """The numbers, each with its label."""
        for value, number in self.read().items():
            yield {self.label: value}, number


class MetricCollector(Collector):
    """Metrics that were specified, for a Prometheus registry."""

    def __init__(self, specs: Sequence[MetricSpec | LabelledMetricSpec] = ()) -> None:
        self._specs: Sequence[MetricSpec | LabelledMetricSpec] = ()
        self.set_specs(specs)

    def set_specs(self, specs: Sequence[MetricSpec | LabelledMetricSpec]) -> None:
        """Replace the metrics. Raises ValueError for a name in another dialect."""
        for spec in specs:
            if not _NAME.fullmatch(spec.name):
                raise ValueError(f"metric {spec.name}: it should read deepecho_<things>_<participle>, without _total")
        self._specs = tuple(specs)

    def collect(self) -> Iterator[Metric]:
        """Read every number."""
        for spec in self._specs:
            metric = Metric(spec.name, spec.help, spec.kind)
            suffix = "_total" if spec.kind == "counter" else ""
            for labels, number in spec.samples():
                metric.add_sample(f"{spec.name}{suffix}", dict(labels), number)
            yield metric
