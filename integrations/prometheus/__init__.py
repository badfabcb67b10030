"""Prometheus client: instant and range queries.

Expressions, the meaning of results and retries belong to the callers; the type of an error tells whether a retry can help.
prometheus-api-client and requests are imported by the first query, not by importing this package.
"""

from integrations.prometheus.client import Prometheus, open_prometheus

__all__ = ["Prometheus", "open_prometheus"]
