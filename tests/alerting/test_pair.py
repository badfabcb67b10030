"""Two Alertmanagers that tell the same story: people see it once."""

import asyncio
from pathlib import Path

import pytest

from sandbox.monitoring import HaPeer, alertmanager_config, running_alertmanager
from tests.harness.alert_pipeline import (
    TOKEN,
    WAIT_TIMEOUT,
    AlertingHarness,
    open_alerting_harness,
    post_alerts,
    prometheus_alert,
)
from tests.harness.ports import free_ports

CRITICAL = "alerts-critical"


@pytest.mark.parametrize("know_each_other", [True, False], ids=["clustered", "cut off from each other"])
async def test_a_pair_makes_one_card(tmp_path: Path, *, know_each_other: bool) -> None:
    """A cluster usually speaks once, by its first member. Cut off from each other both do, every time."""
    async with open_alerting_harness(tmp_path) as harness:
        config, port = alertmanager_config(harness.webhook, TOKEN), free_ports()
        first = HaPeer(port=port + 2, stagger_seconds=1)
        second = HaPeer(port=port + 3, peers=(f"127.0.0.1:{port + 2}",), stagger_seconds=1)
        async with (
            running_alertmanager(tmp_path / "one", port, config, first if know_each_other else None) as one,
            running_alertmanager(tmp_path / "two", port + 1, config, second if know_each_other else None) as two,
        ):
            both, client, times = (one.url, two.url), harness.slack.client, 1 if know_each_other else 2
            await post_alerts(both, [prometheus_alert("HighErrorRate", service="deep-echo-main", severity="critical")])
            await _notifications_reached(harness, times)
            await post_alerts(
                both, [prometheus_alert("HighErrorRate", service="deep-echo-main", severity="critical", ended=True)]
            )
            await _notifications_reached(harness, times * 2)
            await harness.wait_settled()

            (card,) = await client.messages(CRITICAL)
            (reply,) = await client.thread(CRITICAL, card.ts)
            assert "Resolved after" in card.visible_text
            assert "Resolved after" in reply.visible_text
            assert harness.query_number("SELECT count(*) FROM alert_groups") == 1


async def _notifications_reached(harness: AlertingHarness, count: int) -> None:
    async with asyncio.timeout(WAIT_TIMEOUT):
        while await harness.notifications_received() < count:
            await asyncio.sleep(0.1)
