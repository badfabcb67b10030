"""Two Alertmanagers that tell the same story: people see it once."""

import asyncio
from pathlib import Path

import pytest

from sandbox.monitoring import Gossip, alertmanager_config, running_alertmanager
from tests.harness.alert_pipeline import PATIENCE, TOKEN, Stage, alert, send, stage
from tests.harness.ports import free_ports

CRITICAL = "alerts-critical"


@pytest.mark.parametrize("know_each_other", [True, False], ids=["clustered", "cut off from each other"])
async def test_a_pair_makes_one_card(tmp_path: Path, *, know_each_other: bool) -> None:
    """A cluster usually speaks once, by its first member. Cut off from each other both do, every time."""
    async with stage(tmp_path) as house:
        config, port = alertmanager_config(house.webhook, TOKEN), free_ports()
        first = Gossip(port=port + 2, stagger_seconds=1)
        second = Gossip(port=port + 3, peers=(f"127.0.0.1:{port + 2}",), stagger_seconds=1)
        async with (
            running_alertmanager(tmp_path / "one", port, config, first if know_each_other else None) as one,
            running_alertmanager(tmp_path / "two", port + 1, config, second if know_each_other else None) as two,
        ):
            both, client, times = (one.url, two.url), house.slack.client, 1 if know_each_other else 2
            await send(both, [alert("HighErrorRate", service="deep-echo-main", severity="critical")])
            await _heard(house, times)
            await send(both, [alert("HighErrorRate", service="deep-echo-main", severity="critical", ended=True)])
            await _heard(house, times * 2)
            await house.settled()

            (card,) = await client.messages(CRITICAL)
            (reply,) = await client.thread(CRITICAL, card.ts)
            assert "Resolved after" in card.words
            assert "Resolved after" in reply.words
            assert house.counted("SELECT count(*) FROM alert_groups") == 1


async def _heard(house: Stage, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await house.heard() < count:
            await asyncio.sleep(0.1)
