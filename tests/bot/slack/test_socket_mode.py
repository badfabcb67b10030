"""The socket: dropped, silent, replaced, refused. Nothing acknowledged is lost, and the bot reconnects."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.slack import socket_connection, socket_mode
from bot.slack.socket_mode import SocketModeFailed
from bot.wiring import Bot
from tests.harness.bot import BotHarness, get_endpoint
from tests.harness.wait import wait_until


@asynccontextmanager
async def connected_bot(harness: BotHarness) -> AsyncIterator[Bot]:
    """A bot that answers; afterwards it answers again."""
    async with harness.run_bot() as bot:
        yield bot
        await harness.slack.client.command("ana", "whoami", channel="ops")
        await harness.slack.client.wait_for_ephemeral("ana", "deployer")


async def opened_connections(harness: BotHarness) -> int:
    return int((await harness.slack.client.sockets.status())["opened"])


async def test_a_dropped_socket_is_replaced_at_once(harness: BotHarness) -> None:
    async with connected_bot(harness):
        dropped = time.monotonic()
        await harness.slack.client.sockets.drop()
        await wait_for_connections(harness, 2)
        assert time.monotonic() - dropped < 3


async def test_a_deaf_socket_is_noticed_though_it_looks_open(harness: BotHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_connection, "PING_SECONDS", 0.5)
    async with connected_bot(harness):
        await harness.slack.client.sockets.mute()
        await wait_for_connections(harness, 2)


async def test_a_refresh_opens_the_next_socket_before_the_old_one_goes(harness: BotHarness) -> None:
    async with connected_bot(harness):
        await harness.slack.client.sockets.disconnect("warning")
        await wait_for_connections(harness, 2)
        assert (await harness.slack.client.sockets.status())["connections"] == 2


@pytest.mark.parametrize("reason", ["refresh_requested", "too_many_websockets"])
async def test_slack_may_ask_for_another_socket(harness: BotHarness, reason: str) -> None:
    async with connected_bot(harness):
        await harness.slack.client.sockets.disconnect(reason)
        await wait_for_connections(harness, 2)


async def test_socket_mode_switched_off_ends_the_process(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        await harness.slack.client.sockets.disconnect("link_disabled")
        with pytest.raises(SocketModeFailed, match="Socket Mode is switched off"):
            async with asyncio.timeout(5):
                await bot.wait_for_failure()


async def test_a_socket_that_cannot_be_opened_is_tried_again_and_then_given_up(
    harness: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_mode, "MAX_FAILURES", 2)
    await harness.slack.client.faults.answer_unavailable("apps.connections.open", times=2)
    async with harness.run_bot(connected=False) as bot:
        status, body = await get_endpoint(bot, "/readyz")
        assert (status, body["checks"]["slack"]) == (503, {"ok": False, "detail": "not connected yet"})
        with pytest.raises(SocketModeFailed, match="could not be opened 2 times in a row"):
            async with asyncio.timeout(10):
                await bot.wait_for_failure()


async def test_slack_says_how_long_to_wait_before_another_socket(harness: BotHarness) -> None:
    await harness.slack.client.faults.rate_limit("apps.connections.open", retry_after=2)
    started = time.monotonic()
    async with connected_bot(harness):
        assert time.monotonic() - started >= 2


async def test_what_was_received_is_kept_when_the_process_stops(harness: BotHarness) -> None:
    """Acknowledged or not, a command that reached the bot is answered by the next one."""
    people = harness.slack.client
    async with harness.run_bot():
        await people.faults.hang_before_delivery("users.info")
        acknowledged = await people.command("ana", "whoami", channel="ops")
        assert acknowledged["answered"]
    assert await people.ephemerals("ana") == []
    await people.faults.clear()
    async with harness.run_bot():
        await people.wait_for_ephemeral("ana", "deployer")


async def test_stopping_takes_less_than_five_seconds_even_with_work_under_way(harness: BotHarness) -> None:
    async with harness.run_bot():
        await harness.slack.client.faults.hang_before_delivery("users.info")
        await harness.slack.client.command("ana", "whoami", channel="ops")
        started = time.monotonic()
    assert time.monotonic() - started < 5
    await harness.slack.client.faults.clear()


async def wait_for_connections(harness: BotHarness, count: int) -> None:
    async def enough() -> bool:
        return await opened_connections(harness) >= count

    await wait_until(enough)
