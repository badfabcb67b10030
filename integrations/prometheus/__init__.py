"""Prometheus in our own words: what an expression was and is.

Which expression to ask, and what its answer means, does not belong here; neither do retries: an error says whether they help.
The library (and requests below it) is imported when a Prometheus is first asked, never by importing this package.
"""

from integrations.prometheus.client import Prometheus, open_prometheus

__all__ = ["Prometheus", "open_prometheus"]
