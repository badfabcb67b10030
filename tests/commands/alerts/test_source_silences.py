"""Silences of alerts whose source has an Alertmanager of its own: they are made and listed there, and hold nowhere else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.answers.alerts import SilencesAnswer
from domain.answers.answers import TextAnswer
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.samples.alert_groups import PRODUCTION
from tests.harness.samples.team import ALERTMANAGER, RAY, ROB, SHARED_ALERTMANAGER, VIV, alerting_catalogue

OWN, PEER = "https://alerts.b.example", "https://alerts-2.b.example"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    catalogue = alerting_catalogue()
    source = {"environment": "production", "alertmanagers": [OWN, PEER]}
    alerts = catalogue.model_dump(mode="json")["alerts"] | {"sources": {"cluster_b": source}}
    async with open_command_harness(tmp_path, alerting_catalogue(alerts=alerts)) as opened:
        await opened.save_groups(replace(PRODUCTION, id="al-here"), replace(PRODUCTION, id="al-b", source="cluster_b"))
        yield opened


async def test_a_silence_is_made_where_the_alert_comes_from(harness: CommandHarness) -> None:
    assert isinstance(await harness.run_command(RAY, "silence al-b 1h"), TextAnswer)
    assert {address: len(each.stored) for address, each in harness.alertmanagers.items()} == {
        ALERTMANAGER: 0,
        SHARED_ALERTMANAGER: 0,
        OWN: 1,
        PEER: 0,
    }, "the two of a pair share their silences"
    assert isinstance(await harness.run_command(RAY, "unsilence al-b"), TextAnswer)
    assert [each.in_force for each in await harness.alertmanagers[OWN].silences()] == [False]


async def test_it_is_listed_beside_those_of_the_environments(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-b 1h")
    answer = await harness.run_command(VIV, "silences production")
    assert isinstance(answer, SilencesAnswer)
    assert [(each.environments, len(each.silences)) for each in answer.alertmanagers] == [
        (("production",), 0),
        (("production", "cluster_b"), 1),
    ]


async def test_whoever_may_not_see_the_environment_is_not_shown_it(harness: CommandHarness) -> None:
    answer = await harness.run_command(ROB, "silences")
    assert isinstance(answer, SilencesAnswer)
    assert [each.environments for each in answer.alertmanagers] == [("staging",)]
