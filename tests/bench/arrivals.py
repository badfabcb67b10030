"""From the request of a real Alertmanager to the card in the local Slack."""

import asyncio
import statistics
from pathlib import Path

from sandbox.monitoring import alertmanager_config, running_alertmanager
from tests.bench.results import Result
from tests.harness.alert_pipeline import TOKEN, AlertingHarness, open_alerting_harness, post_alerts, prometheus_alert
from tests.harness.ports import free_ports

ALERTS = 12
MOST_SECONDS = 1.0
CHANNEL = "alerts-critical"
APART = 3.0
"""Seconds between two, for the card and its replies: a channel takes one message a second, and that wait is not measured."""


async def arrivals(folder: Path) -> list[Result]:
    """Alerts one after the other, each a group of its own, through the whole bot."""
    home = folder / "arrivals"
    home.mkdir()
    async with open_alerting_harness(home, storm_threshold_per_minute=1000) as harness:
        config = alertmanager_config(harness.webhook, TOKEN)
        config["route"] |= {"group_wait": "0s", "group_by": ["group"]}
        async with running_alertmanager(home / "alertmanager", free_ports(), config) as alertmanager:
            seconds = [await _seconds(harness, alertmanager.url, number) for number in range(ALERTS)]
    return [
        Result(
            "Alertmanager's request to the card in Slack, median seconds / 1 s",
            round(statistics.median(seconds) / MOST_SECONDS, 3),
            1.0,
            MOST_SECONDS * 1e6,
            ALERTS,
        )
    ]


async def _seconds(harness: AlertingHarness, url: str, number: int) -> float:
    """From when the bot had the request, before it was on the disk, to when Slack had answered the card's call."""
    client = harness.slack.client
    await post_alerts(
        [url], [prometheus_alert(f"Alert{number}", service="deep-echo-main", severity="critical", group=f"g{number}")]
    )
    card = await client.wait_for_message(lambda message: f"Alert{number} " in message.visible_text, channel=CHANNEL)
    async with harness.store.read() as tx:
        groups, _ = await tx.alerts.search(environments=["production"], limit=ALERTS)
    heard = next(each.seen_at for each in groups if each.title == f"Alert{number}")
    call = next(each for each in await client.api_calls("chat.postMessage") if each["ts"] == card.ts)
    await asyncio.sleep(APART)
    return float(call["time"] + call["seconds"] - heard.timestamp())
