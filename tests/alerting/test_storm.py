"""A thousand groups of ten alerts, a bot that is killed three times, a Slack that fails: nothing lost, nothing twice."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.monitoring import alertmanager_config, running_alertmanager
from sandbox.slack.message_views import SeenMessage
from tests.harness.alert_pipeline import TOKEN, Json, Stage, alert, send, stage, until
from tests.harness.ports import free_ports

GROUPS, ALERTS, OUTAGES = 1_000, 10, 3
CALM = 500
"""So many groups end while the others go on."""
LIMIT = 20
"""New groups a minute in one channel that have cards of their own."""
FASTER = 10.0
"""Slack's own limits times this: a killed bot may connect again at once. That posts keep to the real one is counted below."""
WITHIN = 240.0
CHANNEL = "alerts-warning"
FIRING = "SELECT count(*) FROM alert_groups WHERE firing"
RESOLVED = "SELECT count(*) FROM alert_groups WHERE NOT firing"


async def test_a_storm_with_crashes_and_a_failing_slack(tmp_path: Path) -> None:
    routes = [
        {"name": "outage", "match": ['outage="yes"'], "channel": "C0WARNING5", "severity": "P0"},
        {"name": "rest", "match": ['alertname=~".+"'], "channel": "C0WARNING5", "severity": "P2"},
    ]
    async with stage(tmp_path, routes=routes, new_groups_a_minute=LIMIT, storm_quiet_minutes=10) as house:
        config = alertmanager_config(house.webhook, TOKEN)
        config["route"]["group_by"] = ["group"]
        async with running_alertmanager(tmp_path / "alertmanager", free_ports(), config) as alertmanager:
            await _misbehave(house)
            await send([alertmanager.url], _alerts(range(GROUPS)))
            for stored in (150, 450, 750):
                await until(partial(_are_stored, house, stored), WITHIN)
                await house.kill_bot()
            await until(lambda: house.counted(FIRING) == GROUPS, WITHIN)
            await _misbehave(house)
            await send([alertmanager.url], _alerts(range(CALM), ended=True))
            await until(lambda: house.counted(RESOLVED) == CALM, WITHIN)
            await house.settled(WITHIN)
            await _is_true(house)


def _are_stored(house: Stage, groups: int) -> bool:
    return house.counted("SELECT count(*) FROM alert_groups") >= groups


def _alerts(groups: Any, *, ended: bool = False) -> list[Json]:
    return [
        alert(
            "HighErrorRate",
            ended=ended,
            group=f"g{group}",
            instance=f"i{number}",
            outage="yes" if group % (GROUPS // OUTAGES + 1) == 0 else "no",
        )
        for group in groups
        for number in range(ALERTS)
    ]


async def _misbehave(house: Stage) -> None:
    faults = house.slack.client.faults
    await faults.rate_limits(FASTER)
    for method in ("chat.postMessage", "chat.update"):
        await faults.rate_limited(method, times=3)
        await faults.unavailable(method, times=3)
        await faults.drops_delivered(method, times=2)


async def _is_true(house: Stage) -> None:
    """The database, the cards and the storm's card say the same, and everything was said once, at Slack's pace."""
    assert house.counted("SELECT count(*) FROM alerts") == GROUPS * ALERTS
    assert house.counted("SELECT count(*) FROM alerts WHERE firing") == (GROUPS - CALM) * ALERTS
    assert house.counted("SELECT count(*) FROM outbox WHERE state = 'failed'") == 0

    every = [each for each in await house.slack.client.everything(CHANNEL) if not each.is_ephemeral]
    keys = Counter(_key(each) for each in every)
    assert [key for key, times in keys.items() if times > 1] == []

    cards = {_key(each).removesuffix("/card"): each for each in every if not each.is_reply}
    (storm,) = (each for name, each in cards.items() if name.startswith("st-"))
    async with house.store.read() as tx:
        groups = [each for each in (await tx.alerts.search(environments=["production"], limit=GROUPS))[0] if not each.storm]
    assert {each.id for each in groups} == {name for name in cards if name.startswith("al-")}
    for group in groups:
        assert ("Resolved after" in cards[group.id].words) == (group.resolved_at is not None), cards[group.id].words
    outages = [each for each in groups if each.severity.value == "P0"]
    assert (len(outages), len(groups)) == (OUTAGES, OUTAGES + LIMIT - _counted_outages(groups))

    folded = GROUPS - len(groups)
    firing = house.counted("SELECT count(*) FROM alert_groups WHERE firing AND storm <> ''")
    assert f"{folded} " in storm.words
    assert f"{firing} fire now, {folded - firing} resolved" in storm.words
    await _kept_the_pace(house)


def _counted_outages(groups: list[Any]) -> int:
    """Outages that came among the first groups count as new ones too."""
    first = sorted(groups, key=lambda each: (each.seen_at, each.severity.value))[:LIMIT]
    return sum(each.severity.value == "P0" for each in first)


def _key(message: SeenMessage) -> str:
    return str(((message.metadata or {}).get("event_payload") or {})["key"])


async def _kept_the_pace(house: Stage) -> None:
    """New messages of the channel as Slack took them: at most one a second, but for a little jitter on the way."""
    calls = await house.slack.client.log("chat.postMessage")
    times = sorted(each["time"] for each in calls if each["delivered"] and each["channel"] == "C0WARNING5")
    assert len(times) > LIMIT
    for number, at in enumerate(times):
        for earlier in range(number):
            assert at - times[earlier] >= (number - earlier) - 0.5, (earlier, number)
