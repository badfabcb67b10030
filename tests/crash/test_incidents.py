"""Killed while an incident is declared and worked on: never half of one, never two of anything."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from domain.incidents.incident import Incident, IncidentState
from runbooks.engine.lease import LEASE_LOST_EXIT_CODE
from sandbox.slack import LocalSlack, RunningSlack
from storage.incidents import IncidentRepository
from tests.harness.crash import RUN_TIMEOUT, CrashHarness, is_connected, open_crash_harness
from tests.harness.crash_databases import FreshDatabases

pytestmark = [
    pytest.mark.crash,
    # A client that was killed leaves its half of a connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LOST_ANSWERS = ("conversations.create", "chat.postMessage")
"""Calls that Slack carries out, and whose answer never comes."""


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running


async def test_killed_while_an_answer_of_slack_is_on_its_way(slack: RunningSlack, databases: FreshDatabases) -> None:
    async with open_crash_harness(slack, *databases.take("answers"), {"incidents": {"channel": "C0OPS00008"}}) as harness:
        for number, method in enumerate(LOST_ANSWERS):
            await restart(harness)
            await slack.client.faults.hang_after_delivery(method)
            await declare(harness, f"matter {number}")
            while await slack.client.faults.pending():
                await asyncio.sleep(0.05)
            harness.bots[-1].kill()
            await restart(harness)
            await wait_until(harness, lambda: is_whole(harness))
        await check(harness, len(LOST_ANSWERS))


async def test_killed_right_after_each_transition(slack: RunningSlack, databases: FreshDatabases) -> None:
    """What a person does is stored before it is done, and done once."""
    async with open_crash_harness(slack, *databases.take("transitions"), {"incidents": {"channel": "C0OPS00008"}}) as harness:
        await restart(harness)
        await declare(harness, "matter 0")
        await wait_until(harness, lambda: is_whole(harness))
        (incident,) = await incidents(harness)
        for words, state in (
            ("ack {}", IncidentState.ACKNOWLEDGED),
            ("severity P0 --incident {}", IncidentState.ACKNOWLEDGED),
            ("mitigate {}", IncidentState.MITIGATED),
            ("resolve {}", IncidentState.RESOLVED),
            ("close {}", IncidentState.CLOSED),
        ):
            await slack.client.command("kim", f"incident {words.format(incident.id)}", channel="ops")
            harness.bots[-1].kill()
            await restart(harness)
            await wait_until(harness, partial(is_in, harness, state))
        await check(harness, 1)
        acts = [entry.entry.what async for entry in _audit(harness) if entry.entry.what.startswith("incident")]
        assert Counter(acts) == Counter(
            [
                "incident declare",
                "incident acknowledge",
                "incident severity",
                "incident mitigate",
                "incident resolve",
                "incident close",
            ]
        )


async def check(harness: CrashHarness, count: int) -> None:
    """One channel, one pinned card, one announcement and each message once, for each incident."""
    found = await incidents(harness)
    assert len(found) == count
    channels = [each.channel for each in found]
    assert len({channel.id for channel in channels}) == count
    created = await harness.slack.client.api_calls("conversations.create")
    assert len({call["args"]["name"] for call in created}) == count
    announced = [m for m in await harness.slack.client.messages("ops") if "matter" in m.visible_text]
    assert len(announced) == count
    for incident in found:
        messages = await harness.slack.client.messages(incident.channel.id)
        texts = Counter(message.visible_text for message in messages)
        assert sum("declared by tom" in message.visible_text for message in messages) == 1, texts
        assert sum(message.visible_text.startswith("So far:") for message in messages) == 1, texts
        assert max(texts.values()) == 1, texts
        assert incident.channel.failures == ()


async def is_whole(harness: CrashHarness) -> bool:
    """Whether every incident has all of its channel, and nothing waits to be sent."""
    found = await incidents(harness)
    async with harness.store.read() as tx:
        waiting = await tx.outbox.oldest_unsettled()
    return bool(found) and waiting is None and all(each.channel.pinned and each.channel.invited for each in found)


async def is_in(harness: CrashHarness, state: IncidentState) -> bool:
    (incident,) = await incidents(harness)
    return incident.state is state and await is_whole(harness)


async def incidents(harness: CrashHarness) -> tuple[Incident, ...]:
    async with harness.store.read() as tx:
        return await tx.of(IncidentRepository).latest(100)


async def declare(harness: CrashHarness, title: str) -> None:
    line = f"incident declare P1 {title} --environment production --new"
    await harness.slack.client.command("tom", line, channel="ops")


async def restart(harness: CrashHarness, die_at: str = "") -> None:
    """Stop the bot that runs, start another one, and wait until it listens."""
    await harness.stop_bots()
    await harness.start_bot(die_at)
    await wait_until(harness, lambda: is_connected(harness), die_at)


async def wait_until(harness: CrashHarness, condition: Callable[[], Coroutine[Any, Any, bool]], die_at: str = "") -> None:
    """Wait, and start the bot again where it has lost its shortened lease on a busy machine, as a supervisor does."""
    async with asyncio.timeout(RUN_TIMEOUT):
        while not await condition():
            if harness.bots[-1].returncode == LEASE_LOST_EXIT_CODE:
                await harness.start_bot(die_at)
            await asyncio.sleep(0.05)


async def _audit(harness: CrashHarness) -> AsyncIterator[Any]:
    async with harness.store.read() as tx:
        async for record in tx.audit.walk():
            yield record
