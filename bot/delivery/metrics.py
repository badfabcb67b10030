"""What is counted of the outbox."""

from prometheus_client import CollectorRegistry, Counter


class OutboxMetrics:
    """Counters on a registry: how rows ended, and why attempts had to be repeated."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._settled = Counter("deepecho_outbox_settled", "Outbox rows by how they ended", ["outcome"], registry=registry)
        self._retries = Counter("deepecho_outbox_retries", "Attempts to be repeated, by cause", ["cause"], registry=registry)

    def settled(self, outcome: str) -> None:
        """A row ended: ``delivered``, ``superseded`` or ``failed``."""
        self._settled.labels(outcome).inc()

    def retried(self, cause: str) -> None:
        """A row will be tried again: ``rate_limited``, ``unknown``, ``temporary``, ``account``, ``moved`` or ``unexpected``."""
        self._retries.labels(cause).inc()
