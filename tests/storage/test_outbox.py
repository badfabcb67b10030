"""Which row of the outbox is sent next: order within a stream, urgency, budgets."""

from datetime import timedelta

import pytest

from storage.outbox import EDIT_BUDGET, RateLimits, post_budget
from storage.outbox_messages import Urgency
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.outbox import SECOND, OutboxHarness, card, reply, text_of


@pytest.fixture
def outbox(store: Store) -> OutboxHarness:
    return OutboxHarness(store, StoppedClock())


async def test_a_stream_goes_out_in_the_order_in_which_it_was_put_one_at_a_time(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"), reply(1), reply(2))
    first = await outbox.claim_next()
    assert text_of(first) == "asked"
    assert await outbox.claim() is None
    await outbox.deliver(first)
    assert await outbox.send_all() == ["t/1", "t/2"]


async def test_a_message_is_an_edit_once_it_is_there_and_a_reply_knows_its_thread(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"))
    row = await outbox.claim_next()
    assert (row.ts, row.parent_ts, row.attempts, row.outcome_unknown, row.budget) == ("", "", 1, False, "post/C1")
    await outbox.deliver(row, "100.1")
    await outbox.put(card("running"), reply(1))
    row = await outbox.claim_next()
    assert (row.ts, row.budget) == ("100.1", EDIT_BUDGET)
    await outbox.deliver(row)
    assert (await outbox.claim_next()).parent_ts == "100.1"
    async with outbox.store.read() as tx:
        assert await tx.outbox.address("op-a/card") == ("C1", "100.1")
        assert await tx.outbox.address("op-a/t/1") is None


async def test_a_newer_picture_replaces_one_that_was_not_sent_yet(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"), card("running"), card("ended"))
    assert await outbox.send_all() == ["ended"]
    assert await outbox.counts() == {"superseded": 2, "delivered": 1}


async def test_a_picture_under_way_is_not_replaced_but_followed(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"))
    row = await outbox.claim_next()
    await outbox.put(card("ended"))
    assert await outbox.claim() is None
    async with outbox.store.read() as tx:
        assert await tx.outbox.has_newer_card(row)
    await outbox.deliver(row)
    assert await outbox.send_all() == ["ended"]


async def test_replies_that_wait_for_their_card_do_not_hold_up_the_card(outbox: OutboxHarness) -> None:
    """The card was put again after them, because it had not been sent when it changed."""
    await outbox.put(card("asked"), reply(1), card("running"), reply(2), card("ended"))
    assert await outbox.send_all() == ["ended", "t/1", "t/2"]


async def test_the_same_reply_is_not_said_twice_not_even_after_it_was_sent(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"), reply(1), reply(1))
    assert await outbox.send_all() == ["asked", "t/1"]
    await outbox.put(reply(1))
    assert await outbox.send_all() == []


async def test_urgency_decides_between_streams_and_age_between_equals(outbox: OutboxHarness) -> None:
    await outbox.put(
        card("digest", stream="digest", urgency=Urgency.DIGEST),
        card("older", stream="op-a"),
        card("younger", stream="op-b"),
        card("page", stream="page", urgency=Urgency.PAGE),
    )
    assert await outbox.send_all() == ["page", "older", "younger", "digest"]


async def test_a_channel_gets_one_new_message_a_second(outbox: OutboxHarness) -> None:
    outbox.pace = RateLimits()
    await outbox.put(card("a", stream="a"), card("b", stream="b"), card("elsewhere", stream="c", channel="C2"))
    assert await outbox.send_all() == ["a", "elsewhere"]
    outbox.clock.advance(SECOND - timedelta(microseconds=1))
    assert await outbox.send_all() == []
    outbox.clock.advance(timedelta(microseconds=1))
    assert await outbox.send_all() == ["b"]


async def test_edits_have_a_budget_of_their_own_for_the_whole_workspace(outbox: OutboxHarness) -> None:
    """Fifty a minute, of which about ten may come at once."""
    streams = [f"s-{number}" for number in range(20)]
    await outbox.put(*(card("new", stream=stream, channel=stream) for stream in streams))
    assert len(await outbox.send_all()) == 20
    outbox.pace = RateLimits(low_priority_interval=timedelta())
    await outbox.put(*(card("changed", stream=stream, channel=stream) for stream in streams))
    assert len(await outbox.send_all()) == 11
    outbox.clock.advance(timedelta(seconds=2.4))
    assert len(await outbox.send_all()) == 2
    await outbox.put(card("a post", stream="other"))
    assert await outbox.send_all() == ["a post"]


@pytest.mark.parametrize(("budget", "free"), [(post_budget("C1"), "elsewhere"), (EDIT_BUDGET, "new")])
async def test_a_budget_that_slack_wants_held_is_not_spent_before_then(outbox: OutboxHarness, budget: str, free: str) -> None:
    await outbox.put(card("first", stream="edited", channel="C2"))
    await outbox.send_all()
    async with outbox.store.write() as tx:
        await tx.outbox.block_budget(budget, outbox.now + 30 * SECOND, outbox.now)
        await tx.outbox.block_budget(budget, outbox.now + 5 * SECOND, outbox.now)
    await outbox.put(card("new", stream="op-a"), card("elsewhere", stream="edited", channel="C2"))
    assert await outbox.send_all() == [free]
    outbox.clock.advance(30 * SECOND)
    assert len(await outbox.send_all()) == 1


async def test_a_card_that_only_counts_waits_three_seconds_and_holds_nobody_up(outbox: OutboxHarness) -> None:
    outbox.pace = RateLimits(post_interval=timedelta(), edit_interval=timedelta())
    await outbox.put(card("0 of 3"))
    await outbox.send_all()
    await outbox.put(card("1 of 3", low_priority=True), reply(1), card("2 of 3", low_priority=True))
    assert await outbox.send_all() == ["t/1"]
    outbox.clock.advance(3 * SECOND)
    assert await outbox.send_all() == ["2 of 3"]


async def test_a_card_that_says_something_is_not_slowed_down_by_one_that_only_counts(outbox: OutboxHarness) -> None:
    outbox.pace = RateLimits(post_interval=timedelta(), edit_interval=timedelta())
    await outbox.put(card("asked"))
    await outbox.send_all()
    await outbox.put(card("approved"), card("0 of 3", low_priority=True))
    assert await outbox.send_all() == ["0 of 3"]
