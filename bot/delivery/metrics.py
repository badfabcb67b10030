"""Prometheus metrics of the outbox."""

from collections import Counter

from prometheus_client import CollectorRegistry

from bot.core.metrics import LabelledMetricSpec, MetricCollector


class OutboxMetrics:
    """Counts, on a registry, of how messages ended and why attempts had to be repeated."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._settled: Counter[str] = Counter()
        self._retried: Counter[str] = Counter()
        registry.register(
            MetricCollector(
                (
                    LabelledMetricSpec(
                        "deepecho_outbox_messages_settled",
                        "counter",
                        "Messages of the outbox by how they ended",
                        "outcome",
                        lambda: self._settled,
                    ),
                    LabelledMetricSpec(
                        "deepecho_outbox_messages_retried",
                        "counter",
                        "Attempts to be repeated, by cause",
                        "cause",
                        lambda: self._retried,
                    ),
                )
            )
        )

    def settled(self, outcome: str) -> None:
        """Count a message that ended: ``delivered``, ``superseded`` or ``failed``."""
        self._settled[outcome] += 1

    def retried(self, cause: str) -> None:
        """Count an attempt that will be repeated.

        ``cause``: ``rate_limited``, ``unknown_outcome``, ``temporary``, ``account_error``, ``rerouted``, ``posted_anew`` or
        ``unexpected``.
        """
        self._retried[cause] += 1
