"""Killed at every point of every step of an incident's channel: one channel, everybody invited once, nothing missing."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain.incidents.channel import Bookmark, StepKind, WantedChannel
from domain.people import Person
from sandbox.slack import LocalSlack, RunningSlack
from sandbox.slack.people import BOT_USER_ID, TEAM_ID
from storage.engines import open_engines
from storage.store import Store
from tests.harness.crash_databases import FreshDatabases
from tests.harness.fakes.channels import MemoryChannels
from tests.harness.fakes.clock import NOW
from tests.harness.incident_channels import IncidentChannelHarness

pytestmark = [
    pytest.mark.crash,
    # A client that was killed leaves its half of a connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# A name is reserved in the transaction that begins the step after it.
STEPS = [kind.value for kind in StepKind if kind not in {StepKind.NAME, StepKind.UNARCHIVE}]
POINTS = ["before", "done", "recorded"]


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running


async def run_child(slack: RunningSlack, database: str, point: str, minutes: int) -> int:
    arguments = (database, slack.api_url, slack.bot_token, point, str(minutes))
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.harness.channel_crash", *arguments)
    async with asyncio.timeout(60):
        return await child.wait()


async def tell_story(slack: RunningSlack, database: str, point: str) -> int:
    """Declare an incident, then close it, with a process that dies at a point and others after it; how often one died."""
    store = Store(open_engines(database))
    harness = IncidentChannelHarness(store, MemoryChannels())
    ana, mia = Person(slack.people["deployer"], TEAM_ID), Person(slack.people["approver"], TEAM_ID)
    wanted = WantedChannel(
        incident_id="inc-x4k2",
        declared_at=NOW,
        topic="P1 · checkout fails",
        invitees=(ana, mia),
        bookmarks=(Bookmark("Runbook", "https://example.com/runbook"),),
    )
    await harness.declare(wanted)
    deaths, minutes = 0, 0
    for stage in ("made", "card", "archived"):
        if stage == "card":
            channel = (await harness.channel("inc-x4k2")).id
            ts = await slack.gateway.hub.upstream.call("chat.postMessage", {"channel": channel, "text": "card"})
            wanted = replace(wanted, card=str(ts["ts"]))
            await harness.change(wanted)
        if stage == "archived":
            await harness.change(replace(wanted, is_archived=True))
        while await harness.timers():
            ended = await run_child(slack, database, point if deaths == 0 else "", minutes)
            assert ended in {0, -signal.SIGKILL}
            deaths += ended != 0
            minutes += 2
            assert minutes < 20, "it does not come to an end"
    assert await harness.problems("inc-x4k2") == []
    await store.close()
    return deaths


@pytest.mark.parametrize("step", STEPS)
async def test_killed_around_each_step(slack: RunningSlack, databases: FreshDatabases, step: str) -> None:
    for point in POINTS:
        await slack.client.reset()
        _, database = databases.take(f"{step}-{point}")
        assert await tell_story(slack, database, f"{step}/{point}") == 1
        (channel,) = [each for each in slack.gateway.hub.channels.all() if each.name.startswith("incident-")]
        assert channel.name == "incident-2026-11-23-14-02"
        assert channel.members == [BOT_USER_ID, slack.people["deployer"], slack.people["approver"]]
        assert (channel.topic, channel.archived) == ("P1 · checkout fails", True)
        assert "inc-x4k2" in channel.purpose
        assert len(channel.pins) == len(channel.bookmarks) == 1
