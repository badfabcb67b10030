"""What probes and Prometheus are told of the sweep, which proves that nothing open was forgotten."""

from bot.core.check_result import CheckResult
from bot.core.metrics import MetricSpec
from runbooks.due_sweep import DueSweep


def sweep_check(sweep: DueSweep) -> CheckResult:
    """The sweep's line of the readiness probe: it fails while something is forgotten, and where no sweep has run for minutes."""
    return CheckResult("sweep", ok=sweep.is_proven, detail=sweep.describe())


def sweep_metrics(sweep: DueSweep) -> tuple[MetricSpec, ...]:
    """An alert on the age is the heartbeat: Prometheus sees it also where this process can tell nobody any more."""
    return (
        MetricSpec("deepecho_sweep_age_seconds", "gauge", "Since the last sweep", lambda: sweep.age_seconds),
        MetricSpec("deepecho_sweep_forgotten", "gauge", "Open, and nothing is due next", lambda: len(sweep.forgotten)),
        MetricSpec("deepecho_sweep_repaired", "counter", "Forgotten, and made due again", lambda: sweep.repaired),
        MetricSpec("deepecho_sweep_runs", "counter", "Sweeps that ended", lambda: sweep.runs),
    )
