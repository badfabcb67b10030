"""The part of the sandbox that raises alerts: demo services, Prometheus that scrapes them, Alertmanager that calls the bot."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.clock import SystemClock
from sandbox.demo import demo_targets, past_samples, running_demo, scrape_targets
from sandbox.monitoring import (
    RULE_WINDOW,
    alert_rules,
    alertmanager_config,
    backfill,
    prometheus_config,
    running_alertmanager,
    running_prometheus,
)
from sandbox.tools import MissingTool, alertmanager_program, prometheus_program

PROMETHEUS_FOLDER = "prometheus"
ALERTMANAGER_FOLDER = "alertmanager"
FAST_WINDOW = 5
"""Seconds that the rules look back where a test waits for them."""


@dataclass(frozen=True, slots=True)
class MonitoringPorts:
    """Where its parts will listen: the demo services on ``port``, Prometheus and Alertmanager on the next two."""

    port: int
    rule_window: int
    with_past: bool
    """Whether Prometheus has samples of the last day from the beginning."""

    @property
    def prometheus(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def alertmanager(self) -> str:
        return f"http://127.0.0.1:{self.port + 2}"


def find_monitoring(port: int, *, fast: bool, with_past: bool = False) -> MonitoringPorts | None:
    """None, and a word about it, where a program is missing. In CI that raises ``MissingTool``: tests would miss alerts."""
    try:
        prometheus_program()
        alertmanager_program()
    except MissingTool as missing:
        if os.environ.get("CI") == "true":
            raise
        print(f"{missing} Until then there are no alerts.", flush=True)
        return None
    return MonitoringPorts(port, FAST_WINDOW if fast else RULE_WINDOW, with_past)


@asynccontextmanager
async def open_monitoring(
    monitoring: MonitoringPorts, folder: Path, kubeconfig: Path, webhook: str, token: str
) -> AsyncIterator[None]:
    """All three up and ready. The bot at ``webhook`` should be, too.

    Raises ``TemporaryError`` when the cluster cannot be seen, ``ProgramDidNotStart`` when a program does not run.
    """
    targets = scrape_targets()
    port, alert_port = monitoring.port + 1, monitoring.port + 2
    alertmanager_settings = alertmanager_config(webhook, token)
    async with (
        running_demo(kubeconfig, port=monitoring.port) as demo,
        running_alertmanager(folder / ALERTMANAGER_FOLDER, alert_port, alertmanager_settings) as alertmanager,
        _past(folder, demo.address, monitoring),
        running_prometheus(
            folder / PROMETHEUS_FOLDER,
            port,
            prometheus_config(demo.address, targets, [alertmanager.address]),
            alert_rules(monitoring.rule_window),
        ),
    ):
        yield


@asynccontextmanager
async def _past(folder: Path, address: str, monitoring: MonitoringPorts) -> AsyncIterator[None]:
    """Before Prometheus is started: it takes none of the past any more while it runs."""
    if monitoring.with_past:
        await backfill(folder / PROMETHEUS_FOLDER, past_samples(demo_targets(), address, SystemClock().now()))
    yield
