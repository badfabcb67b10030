"""A clock that is set back or forward, over the whole running bot: nothing is silent, waits too long, or is done twice."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from domain.inbound import InboundKind
from domain.operations.operation import State
from runbooks.leases.service import LeaseService
from runbooks.operations.service import OperationService
from storage.outbox import RateLimits
from tests.harness.bot import BotHarness, store_unanswered
from tests.harness.wait import wait_until

HOUR = timedelta(hours=1)
SLACKS_LIMITS = RateLimits()
JUMPS = [pytest.param(-HOUR, id="back"), pytest.param(HOUR, id="forward"), pytest.param(-timedelta(days=2), id="back two days")]


@pytest.mark.parametrize("jump", JUMPS)
async def test_channels_are_not_silent_and_nothing_is_sent_twice(harness: BotHarness, jump: timedelta) -> None:
    async def verified() -> int:
        return sum("Verified" in each.visible_text for each in await people.messages("staging"))

    async with harness.run_bot(rate_limits=SLACKS_LIMITS):
        people = harness.slack.client
        await people.command("tom", "restart staging deep-echo-main", channel="staging")
        await wait_until(lambda: _is(verified, 1), within=60)
        harness.clock.offset += jump
        await people.command("tom", "restart staging deep-echo-main", channel="staging")
        await wait_until(lambda: _is(verified, 2), within=60)
        assert len(await people.messages("staging")) == 2
        threads = [await people.thread("staging", each.ts) for each in await people.messages("staging")]
        texts = [reply.visible_text for thread in threads for reply in thread]
        assert len(texts) == len(set(texts))


async def _is(count: Callable[[], Awaitable[int]], expected: int) -> bool:
    return await count() == expected


@pytest.mark.parametrize("jump", [-HOUR, -timedelta(days=2)])
async def test_an_approval_waits_no_longer_than_its_own_time(harness: BotHarness, jump: timedelta) -> None:
    async with harness.run_bot() as bot:
        people, operations = harness.slack.client, bot.service(OperationService)
        await people.command("ana", "rollback production abc1234 --reason errors", channel="production")
        await people.wait_for_message(lambda each: "expires" in each.visible_text, channel="production")
        harness.clock.offset += jump
        (record,) = await operations.recent()
        assert record.approval is not None

        async def shifted() -> bool:
            async with bot.core.store.read() as tx:
                return not await tx.timers.was_clock_set_back(harness.clock.now())

        await wait_until(shifted)
        assert (await operations.find(record.id)).state is State.WAITING
        harness.clock.offset += record.approval.within + timedelta(minutes=1)
        expired = await people.wait_for_message(lambda each: "Expired" in each.visible_text, channel="production")
        assert "nobody approved it in time" in expired.visible_text


async def test_a_scale_for_a_while_goes_back_after_that_while(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people, operations = harness.slack.client, bot.service(OperationService)
        await people.command("tom", "scale staging deep-echo-main 5 --for 2h", channel="staging")
        await people.wait_for_message(lambda each: "In 2 h it goes back" in each.visible_text, channel="staging")
        harness.clock.offset -= HOUR

        async def shifted() -> bool:
            async with bot.core.store.read() as tx:
                return not await tx.timers.was_clock_set_back(harness.clock.now())

        await wait_until(shifted)
        (lease,) = await bot.service(LeaseService).recorded(["staging"])
        assert abs(lease.until - harness.clock.now() - 2 * HOUR) < timedelta(minutes=2)
        harness.clock.offset += timedelta(hours=2, minutes=1)

        async def reverted() -> bool:
            records = await operations.recent()
            return len(records) == 2 and all(each.state is State.SUCCEEDED for each in records)

        await wait_until(reverted, within=40)


@pytest.mark.parametrize("age", [-HOUR, HOUR])
async def test_what_an_earlier_process_left_is_answered_and_not_done(harness: BotHarness, age: timedelta) -> None:
    async with harness.run_bot() as bot:
        channel, user = harness.slack.channels["staging"], harness.slack.names["tom"]
        fields = {"user_id": user, "team_id": "T0DEEPECHO", "channel_id": channel, "text": "restart staging deep-echo-main"}
        await store_unanswered(bot.core.store, harness, key="k1", body=json.dumps(fields), kind=InboundKind.COMMAND, age=age)
    async with harness.run_bot() as bot:
        answer = await harness.slack.client.wait_for_ephemeral("tom", "Please repeat it.")
        assert "No operation was started." in answer.visible_text
        assert await bot.service(OperationService).recent() == ()
