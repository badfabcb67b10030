"""Prometheus metrics of the outbox."""

from prometheus_client import CollectorRegistry, Counter


class OutboxMetrics:
    """Counters on a registry: how rows ended, and why attempts had to be repeated."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._settled = Counter("deepecho_outbox_settled", "Outbox rows by how they ended", ["outcome"], registry=registry)
        self._retries = Counter("deepecho_outbox_retries", "Attempts to be repeated, by cause", ["cause"], registry=registry)

    def settled(self, outcome: str) -> None:
        """Count a row that ended: ``delivered``, ``superseded`` or ``failed``."""
        self._settled.labels(outcome).inc()

    def retried(self, cause: str) -> None:
        """Count an attempt that will be repeated.

        ``cause``: ``rate_limited``, ``unknown_outcome``, ``temporary``, ``account_error``, ``rerouted`` or ``unexpected``.
        """
        self._retries.labels(cause).inc()
