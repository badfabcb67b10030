"""Thirty kills under commands, clicks, notifications, and faults of Slack and the cluster: nothing is lost or doubled.

``DEEPECHO_TEST_SEED`` is another seed for what happens when; the bot's own timing differs from run to run all the same.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from random import Random

import pytest

from runbooks.engine.lease import LEASE_LOST_EXIT_CODE
from sandbox.slack import LocalSlack, RunningSlack
from tests.harness.chaos_counts import AppliedChanges, Findings, findings, settled
from tests.harness.chaos_load import WEBHOOK_TOKEN, ChaosLoad
from tests.harness.crash import CrashHarness, open_crash_harness
from tests.harness.crash_databases import FreshDatabases
from tests.harness.ports import free_ports

KILLS = 30
EARLY_KILLS = 0.2
"""This part of the kills comes while the bot still starts; before the others it has taken one to five commands more."""
FEWEST_CHANGES = 5
"""Of Deployments, in the whole run: many commands are refused meanwhile, because another operation holds the service's lock."""
START_TIMEOUT = 60.0
LEASE_FASTER = "3"
"""The lease is lost after 5 s without a heartbeat, and after 10 s another replica may take over."""
SETTLE_TIMEOUT = 240.0
NOTHING_WRONG = Findings(
    lost_commands=(),
    lost_alerts=(),
    doubled_operations=(),
    doubled_changes=(),
    doubled_messages=(),
    missing_cards=(),
    stale_cards=(),
    unfinished=(),
    left_locks=0,
    failed_messages=0,
    broken_audit="",
)

pytestmark = [
    pytest.mark.chaos,
    # A client that was killed leaves its half of a connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running


async def test_thirty_kills_under_a_mixed_load(slack: RunningSlack, databases: FreshDatabases) -> None:
    seed = int(os.environ.get("DEEPECHO_TEST_SEED", "1"))
    async with open_crash_harness(slack, *databases.take("chaos")) as harness:
        port = free_ports()
        load = ChaosLoad(harness, f"http://127.0.0.1:{port}/webhooks/alertmanager", Random(seed))  # noqa: S311 -- no secret
        changes = AppliedChanges()
        harness.stand_in.store.subscribe(changes.on_change)
        await _start_bot(harness, port)
        async with asyncio.TaskGroup() as tasks:
            for run in (load.run_commands, load.run_clicks, load.run_notifications, load.run_faults):
                tasks.create_task(run())
            await _kill_again_and_again(harness, port, load)
            load.stop()
            await _settle(harness, port, load)
        found = await findings(harness, load, changes)
        print(_summary(seed, load, changes))  # noqa: T201 -- the counts are what the run is for
        assert found == NOTHING_WRONG, f"seed {seed}"
        assert load.acknowledged >= KILLS, "there was hardly any load"
        assert len(changes.by_operation) >= FEWEST_CHANGES, "there was hardly any load"


async def _start_bot(harness: CrashHarness, port: int) -> None:
    await harness.start_bot(
        DEEPECHO_HTTP__PORT=str(port),
        DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN=WEBHOOK_TOKEN,
        DEEPECHO_TEST_LEASE_FASTER=LEASE_FASTER,
    )


async def _kill_again_and_again(harness: CrashHarness, port: int, load: ChaosLoad) -> None:
    for _ in range(KILLS):
        if load.random.random() > EARLY_KILLS:
            await _until_taken(harness, port, load, load.acknowledged + load.random.randint(1, 5))
        await asyncio.sleep(load.random.uniform(0.0, 1.0))
        bot = harness.bots[-1]
        if bot.returncode is None:
            bot.kill()
        await bot.wait()
        await _start_bot(harness, port)


async def _until_taken(harness: CrashHarness, port: int, load: ChaosLoad, commands: int) -> None:
    """Wait until the bot has taken so many commands in all."""
    async with asyncio.timeout(START_TIMEOUT):
        while load.acknowledged < commands:
            await _restart_if_lease_lost(harness, port)
            await asyncio.sleep(0.02)


async def _restart_if_lease_lost(harness: CrashHarness, port: int) -> None:
    """A bot that lost its lease ends itself, and is started again, as a cluster would."""
    if (code := harness.bots[-1].returncode) is not None:
        assert code == LEASE_LOST_EXIT_CODE, "the bot ended by itself"
        await _start_bot(harness, port)


async def _settle(harness: CrashHarness, port: int, load: ChaosLoad) -> None:
    """No more faults; what waits is decided, what runs ends, what is to be said is said."""
    await harness.slack.client.faults.clear()
    harness.stand_in.control.clear_faults()
    async with asyncio.timeout(SETTLE_TIMEOUT):
        while not await settled(harness):
            await _restart_if_lease_lost(harness, port)
            await load.click_once()
            await asyncio.sleep(0.2)


def _summary(seed: int, load: ChaosLoad, changes: AppliedChanges) -> str:
    return (
        f"seed {seed}: {KILLS} kills, {len(load.commands)} commands ({load.acknowledged} acknowledged), {load.clicks} clicks, "
        f"{load.notifications} notifications, {load.faults} faults, {len(changes.by_operation)} changes of Deployments"
    )
