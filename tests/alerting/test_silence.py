"""A silence made from Slack, in a real Alertmanager: exactly the group, gone again, and never back from the dead."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.monitoring import alertmanager_config, running_alertmanager
from sandbox.slack.message_views import SeenMessage
from tests.harness.alert_pipeline import PATIENCE, TOKEN, Json, Stage, alert, send, stage
from tests.harness.ports import free_ports

CRITICAL = "alerts-critical"


async def test_silence_and_unsilence(tmp_path: Path) -> None:
    port = free_ports() + 5
    address = f"http://127.0.0.1:{port}"
    async with stage(tmp_path, alertmanager=address) as house:
        config = alertmanager_config(house.webhook, TOKEN)
        nested = {"receiver": "deepecho", "matchers": ['severity="critical"'], "group_by": ["alertname", "service"]}
        config["route"]["routes"].append(nested)
        async with running_alertmanager(tmp_path / "alertmanager", port, config):
            await send([address], [alert("HighErrorRate", service="deep-echo-main", severity="critical")])
            card = await _card(house, lambda words: "P1 firing" in words)
            group = _group_of(card)

            await house.slack.client.command("tom", f'silence {group} 1h "known, fix is on its way"', channel=CRITICAL)
            await _card(house, lambda words: "silenced by" in words)
            (silence,) = await _silences(address, "active")
            assert sorted(map(_written, silence["matchers"])) == [
                'alertname="HighErrorRate"',
                'service="deep-echo-main"',
                'severity="critical"',
            ]
            assert "tom" in silence["createdBy"].lower()
            assert "known, fix is on its way" in silence["comment"]
            assert "tom" in silence["comment"].lower()

            await house.slack.client.command("tom", f"unsilence {group}", channel=CRITICAL)
            await _card(house, lambda words: "silenced by" not in words)
            assert await _silences(address, "active") == []

            await house.slack.client.command("tom", f"unsilence {group}", channel=CRITICAL)
            await house.slack.client.wait_for_ephemeral("tom", "not silenced from here", within=PATIENCE)
            assert await _silences(address, "active") == []

            await house.slack.client.command("tom", f"silence {group} 30m", channel=CRITICAL)
            await _card(house, lambda words: "silenced by" in words)
            (again,) = await _silences(address, "active")
            assert again["id"] != silence["id"]
            assert [each["id"] for each in await _silences(address, "expired")] == [silence["id"]]


async def test_longer_than_four_hours_needs_an_sre(tmp_path: Path) -> None:
    port = free_ports() + 5
    address = f"http://127.0.0.1:{port}"
    async with stage(tmp_path, alertmanager=address) as house:
        config = alertmanager_config(house.webhook, TOKEN)
        async with running_alertmanager(tmp_path / "alertmanager", port, config):
            await send([address], [alert("HighErrorRate", service="deep-echo-main", severity="critical")])
            group = _group_of(await _card(house, lambda words: "P1 firing" in words))

            await house.slack.client.command("tom", f"silence {group} 5h", channel=CRITICAL)
            await house.slack.client.wait_for_ephemeral("tom", "sre", within=PATIENCE)
            assert await _silences(address, "active") == []

            await house.slack.client.command("kim", f"silence {group} 5h", channel=CRITICAL)
            await _card(house, lambda words: "silenced by" in words)
            assert len(await _silences(address, "active")) == 1


async def _card(house: Stage, is_so: Callable[[str], bool]) -> SeenMessage:
    return await house.slack.client.wait_for_message(
        lambda message: not message.is_reply and not message.is_ephemeral and is_so(message.words), PATIENCE, channel=CRITICAL
    )


def _group_of(card: SeenMessage) -> str:
    return str((card.metadata or {})["event_payload"]["key"]).removesuffix("/card")


async def _silences(address: str, state: str) -> list[Json]:
    """As Alertmanager's own API has them."""
    async with aiohttp.ClientSession() as session, session.get(f"{address}/api/v2/silences") as answer:
        every: list[Json] = await answer.json()
    return [each for each in every if each["status"]["state"] == state]


def _written(matcher: dict[str, Any]) -> str:
    sign = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}
    return f'{matcher["name"]}{sign[matcher["isEqual"], matcher["isRegex"]]}"{matcher["value"]}"'
