"""The socket: dropped, deaf, refreshed, refused. Nothing that was acknowledged is lost, and the bot hears again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.slack import socket_connection, socket_mode
from bot.slack.socket_mode import GaveUp
from bot.wiring import Bot
from tests.harness.bot import Stage, look
from tests.harness.wait import until


@asynccontextmanager
async def hearing(stage: Stage) -> AsyncIterator[Bot]:
    """A bot that answers; afterwards it answers again."""
    async with stage.bot() as bot:
        yield bot
        await stage.slack.client.command("ana", "whoami", channel="ops")
        await stage.slack.client.wait_for_ephemeral("ana", "deployer")


async def opened(stage: Stage) -> int:
    return int((await stage.slack.client.sockets.status())["opened"])


async def test_a_dropped_socket_is_replaced_at_once(stage: Stage) -> None:
    async with hearing(stage):
        dropped = time.monotonic()
        await stage.slack.client.sockets.drop()
        await until_opened(stage, 2)
        assert time.monotonic() - dropped < 3


async def test_a_deaf_socket_is_noticed_though_it_looks_open(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_connection, "PING_SECONDS", 0.5)
    async with hearing(stage):
        await stage.slack.client.sockets.mute()
        await until_opened(stage, 2)


async def test_a_refresh_opens_the_next_socket_before_the_old_one_goes(stage: Stage) -> None:
    async with hearing(stage):
        await stage.slack.client.sockets.disconnect("warning")
        await until_opened(stage, 2)
        assert (await stage.slack.client.sockets.status())["connections"] == 2


@pytest.mark.parametrize("reason", ["refresh_requested", "too_many_websockets"])
async def test_slack_may_ask_for_another_socket(stage: Stage, reason: str) -> None:
    async with hearing(stage):
        await stage.slack.client.sockets.disconnect(reason)
        await until_opened(stage, 2)


async def test_socket_mode_switched_off_ends_the_process(stage: Stage) -> None:
    async with stage.bot() as bot:
        await stage.slack.client.sockets.disconnect("link_disabled")
        with pytest.raises(GaveUp, match="Socket Mode is switched off"):
            async with asyncio.timeout(5):
                await bot.until_failure()


async def test_a_socket_that_cannot_be_opened_is_tried_again_and_then_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_mode, "MOST_FAILURES", 2)
    await stage.slack.client.faults.unavailable("apps.connections.open", times=2)
    async with stage.bot(connected=False) as bot:
        status, body = await look(bot, "/readyz")
        assert (status, body["checks"]["slack"]) == (503, {"ok": False, "said": "not connected yet"})
        with pytest.raises(GaveUp, match="could not be opened 2 times in a row"):
            async with asyncio.timeout(10):
                await bot.until_failure()


async def test_slack_says_how_long_to_wait_before_another_socket(stage: Stage) -> None:
    await stage.slack.client.faults.rate_limited("apps.connections.open", retry_after=2)
    started = time.monotonic()
    async with hearing(stage):
        assert time.monotonic() - started >= 2


async def test_what_was_received_is_kept_when_the_process_stops(stage: Stage) -> None:
    """Acknowledged or not, a command that reached the bot is answered by the next one."""
    people = stage.slack.client
    async with stage.bot():
        await people.faults.hangs_undelivered("users.info")
        acknowledged = await people.command("ana", "whoami", channel="ops")
        assert acknowledged["answered"]
    assert await people.ephemerals("ana") == []
    await people.faults.clear()
    async with stage.bot():
        await people.wait_for_ephemeral("ana", "deployer")


async def test_stopping_takes_less_than_five_seconds_even_with_work_under_way(stage: Stage) -> None:
    async with stage.bot():
        await stage.slack.client.faults.hangs_undelivered("users.info")
        await stage.slack.client.command("ana", "whoami", channel="ops")
        started = time.monotonic()
    assert time.monotonic() - started < 5
    await stage.slack.client.faults.clear()


async def until_opened(stage: Stage, count: int) -> None:
    async def enough() -> bool:
        return await opened(stage) >= count

    await until(enough)
