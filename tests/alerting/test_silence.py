"""A silence made from Slack, in a real Alertmanager: exactly the group, gone again, and never back from the dead."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.monitoring import alertmanager_config, running_alertmanager
from sandbox.slack.message_views import MessageView
from tests.harness.alert_pipeline import (
    TOKEN,
    WAIT_TIMEOUT,
    AlertingHarness,
    Json,
    open_alerting_harness,
    post_alerts,
    prometheus_alert,
)
from tests.harness.ports import free_ports

CRITICAL = "alerts-critical"


async def test_silence_and_unsilence(tmp_path: Path) -> None:
    port = free_ports() + 5
    address = f"http://127.0.0.1:{port}"
    async with open_alerting_harness(tmp_path, alertmanager=address) as harness:
        config = alertmanager_config(harness.webhook, TOKEN)
        nested = {"receiver": "deepecho", "matchers": ['severity="critical"'], "group_by": ["alertname", "service"]}
        config["route"]["routes"].append(nested)
        async with running_alertmanager(tmp_path / "alertmanager", port, config):
            await post_alerts([address], [prometheus_alert("HighErrorRate", service="deep-echo-main", severity="critical")])
            card = await _card(harness, lambda words: "P1 firing" in words)
            group = _group_of(card)

            await harness.slack.client.command("tom", f'silence {group} 1h "known, fix is on its way"', channel=CRITICAL)
            await _card(harness, lambda words: "silenced by" in words)
            (silence,) = await _silences(address, "active")
            assert sorted(map(_written, silence["matchers"])) == [
                'alertname="HighErrorRate"',
                'service="deep-echo-main"',
                'severity="critical"',
            ]
            assert "tom" in silence["createdBy"].lower()
            assert "known, fix is on its way" in silence["comment"]
            assert "tom" in silence["comment"].lower()

            await harness.slack.client.command("tom", f"unsilence {group}", channel=CRITICAL)
            await _card(harness, lambda words: "silenced by" not in words)
            assert await _silences(address, "active") == []

            await harness.slack.client.command("tom", f"unsilence {group}", channel=CRITICAL)
            await harness.slack.client.wait_for_ephemeral("tom", "not silenced from here", within=WAIT_TIMEOUT)
            assert await _silences(address, "active") == []

            await harness.slack.client.command("tom", f"silence {group} 30m", channel=CRITICAL)
            await _card(harness, lambda words: "silenced by" in words)
            (again,) = await _silences(address, "active")
            assert again["id"] != silence["id"]
            assert [each["id"] for each in await _silences(address, "expired")] == [silence["id"]]

            await harness.slack.client.command("kim", f"silence extend {group} 1h", channel=CRITICAL)
            await _card(harness, lambda words: "extended by" in words)
            (longer,) = await _silences(address, "active")
            assert (longer["id"], longer["startsAt"]) == (again["id"], again["startsAt"])
            assert _time(longer["endsAt"]) == _time(again["endsAt"]) + timedelta(hours=1)


async def test_something_new_under_a_silence_lifts_it(tmp_path: Path) -> None:
    port = free_ports() + 5
    address = f"http://127.0.0.1:{port}"
    async with open_alerting_harness(tmp_path, alertmanager=address) as harness:
        config = alertmanager_config(harness.webhook, TOKEN)
        async with running_alertmanager(tmp_path / "alertmanager", port, config):
            first, second = (
                prometheus_alert("HighErrorRate", service="deep-echo-main", severity="critical", pod=pod)
                for pod in ("first", "second")
            )
            await post_alerts([address], [first])
            group = _group_of(await _card(harness, lambda words: "P1 firing" in words))
            await harness.slack.client.command("tom", f"silence {group} 1h --on-new lift", channel=CRITICAL)
            await _card(harness, lambda words: "something new lifts it" in words)

            await post_alerts([address], [second])
            # Alertmanager holds back what is new of a group for its interval, after the next of our looks.
            await _card(harness, lambda words: "silenced by" not in words and "2 alerts" in words, within=4 * WAIT_TIMEOUT)
            assert await _silences(address, "active") == []
            said = await harness.slack.client.wait_for_message(
                lambda message: message.is_reply and "Something new under the silence" in message.visible_text,
                WAIT_TIMEOUT,
                channel=CRITICAL,
            )
            assert "1 alert under it did not fire when it was made. It is lifted now, as was chosen." in said.visible_text
            assert "pod=second" in said.visible_text


async def test_longer_than_four_hours_needs_an_sre(tmp_path: Path) -> None:
    port = free_ports() + 5
    address = f"http://127.0.0.1:{port}"
    async with open_alerting_harness(tmp_path, alertmanager=address) as harness:
        config = alertmanager_config(harness.webhook, TOKEN)
        async with running_alertmanager(tmp_path / "alertmanager", port, config):
            await post_alerts([address], [prometheus_alert("HighErrorRate", service="deep-echo-main", severity="critical")])
            group = _group_of(await _card(harness, lambda words: "P1 firing" in words))

            await harness.slack.client.command("tom", f"silence {group} 5h", channel=CRITICAL)
            await harness.slack.client.wait_for_ephemeral("tom", "sre", within=WAIT_TIMEOUT)
            assert await _silences(address, "active") == []

            await harness.slack.client.command("kim", f"silence {group} 5h", channel=CRITICAL)
            await _card(harness, lambda words: "silenced by" in words)
            assert len(await _silences(address, "active")) == 1


async def _card(harness: AlertingHarness, is_so: Callable[[str], bool], within: float = WAIT_TIMEOUT) -> MessageView:
    return await harness.slack.client.wait_for_message(
        lambda message: not message.is_reply and not message.is_ephemeral and is_so(message.visible_text),
        within,
        channel=CRITICAL,
    )


def _group_of(card: MessageView) -> str:
    return str((card.metadata or {})["event_payload"]["key"]).removesuffix("/card")


async def _silences(address: str, state: str) -> list[Json]:
    """As Alertmanager's own API has them."""
    async with aiohttp.ClientSession() as session, session.get(f"{address}/api/v2/silences") as answer:
        every: list[Json] = await answer.json()
    return [each for each in every if each["status"]["state"] == state]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _written(matcher: dict[str, Any]) -> str:
    sign = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}
    return f'{matcher["name"]}{sign[matcher["isEqual"], matcher["isRegex"]]}"{matcher["value"]}"'
