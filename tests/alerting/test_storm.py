"""A thousand groups of ten alerts, a bot that is killed three times, a Slack that fails: nothing lost, nothing twice."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.monitoring import alertmanager_config, running_alertmanager
from sandbox.slack.message_views import MessageView
from tests.harness.alert_pipeline import (
    TOKEN,
    AlertingHarness,
    Json,
    open_alerting_harness,
    post_alerts,
    prometheus_alert,
    wait_until,
)
from tests.harness.ports import free_ports

GROUPS, ALERTS, OUTAGES = 1_000, 10, 3
LAST_QUIET_GROUP = 500
"""So many groups end while the others go on."""
LIMIT = 20
"""New groups a minute in one channel that have cards of their own."""
FASTER = 10.0
"""Slack's own limits times this: a killed bot may connect again at once. That posts keep to the real one is counted below."""
WITHIN = 240.0
CHANNEL = "alerts-warning"
ALERTS_STORED = "SELECT count(*) FROM alerts"
FIRING = "SELECT count(*) FROM alert_groups WHERE firing"
RESOLVED = "SELECT count(*) FROM alert_groups WHERE NOT firing"


async def test_a_storm_with_crashes_and_a_failing_slack(tmp_path: Path) -> None:
    routes = [
        {"name": "outage", "match": ['outage="yes"'], "channel": "C0WARNING5", "severity": "P0"},
        {"name": "rest", "match": ['alertname=~".+"'], "channel": "C0WARNING5", "severity": "P2"},
    ]
    async with open_alerting_harness(
        tmp_path, routes=routes, storm_threshold_per_minute=LIMIT, storm_quiet_minutes=10
    ) as harness:
        config = alertmanager_config(harness.webhook, TOKEN)
        config["route"]["group_by"] = ["group"]
        async with running_alertmanager(tmp_path / "alertmanager", free_ports(), config) as alertmanager:
            await _inject_slack_faults(harness)
            await post_alerts([alertmanager.url], _alerts(range(GROUPS)))
            for stored in (150, 450, 750):
                await wait_until(partial(_are_stored, harness, stored), WITHIN)
                await harness.kill_bot()
            await wait_until(lambda: harness.query_number(FIRING) == GROUPS, WITHIN)
            # A group's first notification may come before all of its alerts are in Alertmanager; the next one brings the others.
            await wait_until(lambda: harness.query_number(ALERTS_STORED) == GROUPS * ALERTS, WITHIN)
            await _inject_slack_faults(harness)
            await post_alerts([alertmanager.url], _alerts(range(LAST_QUIET_GROUP), ended=True))
            await wait_until(lambda: harness.query_number(RESOLVED) == LAST_QUIET_GROUP, WITHIN)
            await harness.wait_settled(WITHIN)
            await _assert_consistent(harness)


def _are_stored(harness: AlertingHarness, groups: int) -> bool:
    return harness.query_number("SELECT count(*) FROM alert_groups") >= groups


def _alerts(groups: Any, *, ended: bool = False) -> list[Json]:
    return [
        prometheus_alert(
            "HighErrorRate",
            ended=ended,
            group=f"g{group}",
            instance=f"i{number}",
            outage="yes" if group % (GROUPS // OUTAGES + 1) == 0 else "no",
        )
        for group in groups
        for number in range(ALERTS)
    ]


async def _inject_slack_faults(harness: AlertingHarness) -> None:
    faults = harness.slack.client.faults
    await faults.enforce_rate_limits(FASTER)
    for method in ("chat.postMessage", "chat.update"):
        await faults.rate_limit(method, times=3)
        await faults.answer_unavailable(method, times=3)
        await faults.drop_after_delivery(method, times=2)


async def _assert_consistent(harness: AlertingHarness) -> None:
    """The database, the cards and the storm's card say the same, and everything was said once, at Slack's pace."""
    assert harness.query_number(ALERTS_STORED) == GROUPS * ALERTS
    assert harness.query_number("SELECT count(*) FROM alerts WHERE firing") == (GROUPS - LAST_QUIET_GROUP) * ALERTS
    assert harness.query_number("SELECT count(*) FROM outbox WHERE state = 'failed'") == 0

    every = [each for each in await harness.slack.client.all_messages(CHANNEL) if not each.is_ephemeral]
    keys = Counter(_key(each) for each in every)
    assert [key for key, times in keys.items() if times > 1] == []

    cards = {_key(each).removesuffix("/card"): each for each in every if not each.is_reply}
    (storm,) = (each for name, each in cards.items() if name.startswith("st-"))
    async with harness.store.read() as tx:
        groups = [each for each in (await tx.alerts.search(environments=["production"], limit=GROUPS))[0] if not each.storm]
    assert {each.id for each in groups} == {name for name in cards if name.startswith("al-")}
    for group in groups:
        assert ("Resolved after" in cards[group.id].visible_text) == (group.resolved_at is not None), cards[group.id].visible_text
    outages = [each for each in groups if each.severity.value == "P0"]
    assert (len(outages), len(groups)) == (OUTAGES, OUTAGES + LIMIT - _counted_outages(groups))

    folded = GROUPS - len(groups)
    firing = harness.query_number("SELECT count(*) FROM alert_groups WHERE firing AND storm <> ''")
    assert f"{folded} " in storm.visible_text
    assert f"{firing} fire now, {folded - firing} resolved" in storm.visible_text
    await _within_rate_limit(harness)


def _counted_outages(groups: list[Any]) -> int:
    """Outages that came among the first groups count as new ones too."""
    first = sorted(groups, key=lambda each: (each.seen_at, each.severity.value))[:LIMIT]
    return sum(each.severity.value == "P0" for each in first)


def _key(message: MessageView) -> str:
    return str(((message.metadata or {}).get("event_payload") or {})["key"])


async def _within_rate_limit(harness: AlertingHarness) -> None:
    """New messages of the channel as Slack took them: at most one a second, but for a little jitter on the way."""
    calls = await harness.slack.client.api_calls("chat.postMessage")
    times = sorted(each["time"] for each in calls if each["delivered"] and each["channel"] == "C0WARNING5")
    assert len(times) > LIMIT
    for number, at in enumerate(times):
        for earlier in range(number):
            assert at - times[earlier] >= (number - earlier) - 0.5, (earlier, number)
