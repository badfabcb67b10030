"""Demo services: metrics of services that exist on paper only, as bad as the versions that run in the cluster.

Prometheus scrapes them as it would scrape the platform's own. A version whose tag contains ``bad5eed`` fails and is slow.
"""

from sandbox.demo.history import past_samples
from sandbox.demo.server import RunningDemo, running_demo
from sandbox.demo.services import demo_targets, scrape_targets

__all__ = ["RunningDemo", "demo_targets", "past_samples", "running_demo", "scrape_targets"]
