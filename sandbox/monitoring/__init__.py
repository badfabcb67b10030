"""Real Prometheus and real Alertmanager as plain processes on loopback, for the sandbox and for tests."""

from sandbox.monitoring.alertmanager import Gossip, RunningAlertmanager, alertmanager_config, running_alertmanager
from sandbox.monitoring.processes import DidNotStart
from sandbox.monitoring.prometheus import WINDOW, RunningPrometheus, prometheus_config, rules, running_prometheus

__all__ = [
    "WINDOW",
    "DidNotStart",
    "Gossip",
    "RunningAlertmanager",
    "RunningPrometheus",
    "alertmanager_config",
    "prometheus_config",
    "rules",
    "running_alertmanager",
    "running_prometheus",
]
