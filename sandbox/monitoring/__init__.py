"""Real Prometheus and real Alertmanager as plain processes on loopback, for the sandbox and for tests."""

from sandbox.monitoring.alertmanager import HaPeer, RunningAlertmanager, alertmanager_config, running_alertmanager
from sandbox.monitoring.past import backfill
from sandbox.monitoring.processes import ProgramDidNotStart
from sandbox.monitoring.prometheus import RULE_WINDOW, RunningPrometheus, alert_rules, prometheus_config, running_prometheus

__all__ = [
    "RULE_WINDOW",
    "HaPeer",
    "ProgramDidNotStart",
    "RunningAlertmanager",
    "RunningPrometheus",
    "alert_rules",
    "alertmanager_config",
    "backfill",
    "prometheus_config",
    "running_alertmanager",
    "running_prometheus",
]
