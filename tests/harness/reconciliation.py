"""Alerts whose Alertmanager is asked: a catalogue that names it, and alerts that it lists."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.alerts.alerts import Alert, AlertGroup
from domain.catalogue.catalogue import Catalogue
from storage.store import Store
from tests.harness.alerts import SECOND, AlertsHarness, open_alerts_harness
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.samples.notifications import notification
from tests.harness.samples.team import catalogue_data

ONE, TWO = "http://one.example:9093", "http://two.example:9093"
"""Addresses of Alertmanagers."""


def asking_catalogue(**alerts: Any) -> Catalogue:
    """Production's Alertmanager is known, and alerts are production's."""
    data = catalogue_data()
    data["environments"]["production"]["alertmanager"] = ONE
    default = {"channel": "C0INFO", "severity": "P3"}
    return Catalogue.model_validate(data | {"alerts": {"environment": "production", "default": default} | alerts})


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store, asking_catalogue(), [ONE]) as opened:
        yield opened


@pytest.fixture
def alertmanager(harness: AlertsHarness) -> MemoryAlertmanager:
    return harness.alertmanagers[ONE]


async def fires(harness: AlertsHarness, *alerts: Alert, listed: bool = True, **more: Any) -> AlertGroup:
    """Prometheus sends alerts, Alertmanager notifies of them and has listed them once."""
    if listed:
        harness.alertmanagers[ONE].hear(*alerts)
    await harness.receive(notification(*alerts, **more))
    await harness.pass_time(10 * SECOND)
    return (await harness.groups())[-1]
