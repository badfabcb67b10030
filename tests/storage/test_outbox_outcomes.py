"""How rows of the outbox end: retries, failures, moves to another channel, files, and what is kept."""

from datetime import timedelta

import pytest

from storage.outbox import EDIT_BUDGET, FILE_NOT_UPLOADED, RateLimits
from storage.outbox_pruning import OutboxPruning
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.outbox import SECOND, OutboxHarness, card, outbox_note, reply, text_of
from tests.harness.samples.operations import NOW


@pytest.fixture
def outbox(store: Store) -> OutboxHarness:
    return OutboxHarness(store, StoppedClock())


async def test_what_is_tried_again_waits_until_then_and_keeps_its_place(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"), reply(1))
    await outbox.retry_later(await outbox.claim_next(), 5 * SECOND)
    assert await outbox.claim() is None
    outbox.clock.advance(5 * SECOND)
    row = await outbox.claim_next()
    assert (text_of(row), row.attempts, row.outcome_unknown) == ("asked", 2, False)
    await outbox.retry_later(row, uncertain=True)
    row = await outbox.claim_next()
    assert (row.attempts, row.outcome_unknown) == (3, True)
    await outbox.retry_later(row)
    assert not (await outbox.claim_next()).outcome_unknown


async def test_a_message_of_unknown_outcome_is_not_replaced_by_a_newer_picture(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"))
    await outbox.retry_later(await outbox.claim_next(), uncertain=True)
    await outbox.put(card("ended"))
    assert text_of(await outbox.claim_next()) == "asked"


async def test_what_failed_is_kept_to_be_seen_with_the_replies_that_waited_for_it(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"), reply(1), card("other", stream="op-b"))
    await outbox.fail(await outbox.claim_next())
    assert await outbox.send_all() == ["other"]
    async with outbox.store.read() as tx:
        failed = await tx.outbox.failed_messages(since=NOW)
        assert await tx.outbox.failed_messages(since=NOW + SECOND) == ()
    assert {each.key: each.error for each in failed} == {
        "op-a/card": "no such channel",
        "op-a/t/1": "its parent failed: no such channel",
    }


async def test_after_a_failure_a_newer_picture_and_its_replies_have_a_chance_of_their_own(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"))
    await outbox.fail(await outbox.claim_next())
    await outbox.put(card("ended"), reply(1))
    assert await outbox.send_all() == ["ended", "t/1"]


async def test_an_edit_that_fails_does_not_take_the_thread_with_it(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"))
    await outbox.send_all()
    await outbox.put(card("ended"), reply(1))
    await outbox.fail(await outbox.claim_next())
    assert await outbox.send_all() == ["t/1"]


async def test_a_stream_that_moves_leaves_its_messages_behind(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"))
    await outbox.send_all()
    await outbox.put(reply(1), card("ended"), reply(2))
    await outbox.retry_later(await outbox.claim_next())
    async with outbox.store.write() as tx:
        await tx.outbox.move_stream("op-a", "C2")
        assert await tx.outbox.address("op-a/card") is None
    row = await outbox.claim_next()
    assert (text_of(row), row.channel, row.ts, row.budget) == ("ended", "C2", "", "post/C2")
    await outbox.deliver(row, "200.1")
    reply_row = await outbox.claim_next()
    assert (text_of(reply_row), reply_row.channel, reply_row.parent_ts) == ("t/1", "C2", "200.1")


async def test_a_reply_moves_alone_where_its_card_has_nothing_new(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"))
    await outbox.send_all()
    await outbox.put(reply(1))
    async with outbox.store.write() as tx:
        await tx.outbox.move_stream("op-a", "C2")
    row = await outbox.claim_next()
    assert (text_of(row), row.channel, row.parent_ts) == ("t/1", "C2", "")


@pytest.mark.parametrize(("requeue", "sent"), [(True, ["asked", "t/1"]), (False, ["t/1"])])
async def test_a_card_that_is_gone_is_sent_again_or_its_replies_go_without_it(
    outbox: OutboxHarness, *, requeue: bool, sent: list[str]
) -> None:
    await outbox.put(card("asked"))
    await outbox.send_all()
    await outbox.put(reply(1))
    await outbox.retry_later(await outbox.claim_next())
    async with outbox.store.write() as tx:
        await tx.outbox.post_anew("op-a/card", outbox.now, requeue=requeue)
    assert await outbox.send_all() == sent


async def test_a_card_that_is_gone_and_has_something_new_to_show_is_sent_once(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"))
    await outbox.send_all()
    await outbox.put(card("ended"))
    await outbox.retry_later(await outbox.claim_next())
    async with outbox.store.write() as tx:
        await tx.outbox.post_anew("op-a/card", outbox.now)
    row = await outbox.claim_next()
    assert (text_of(row), row.ts, row.budget) == ("ended", "", "post/C1")
    await outbox.deliver(row, "200.1")
    assert await outbox.claim() is None


async def test_a_file_that_is_still_to_come_keeps_the_row_open_and_the_address_known(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"), reply(1))
    row = await outbox.claim_next()
    async with outbox.store.write() as tx:
        assert await tx.outbox.mark_message_sent(row, "C1", "100.1", outbox.now)
        assert await tx.outbox.address("op-a/card") == ("C1", "100.1")
    await outbox.retry_later(row)
    row = await outbox.claim_next()
    assert (row.ts, row.file_id) == ("100.1", FILE_NOT_UPLOADED)
    async with outbox.store.write() as tx:
        assert await tx.outbox.mark_file_started(row, "F1", outbox.now)
    await outbox.retry_later(row)
    row = await outbox.claim_next()
    assert row.file_id == "F1"
    await outbox.deliver(row)
    assert await outbox.send_all() == ["t/1"]


async def test_the_oldest_row_and_when_the_next_is_due(outbox: OutboxHarness) -> None:
    async with outbox.store.read() as tx:
        assert (await tx.outbox.oldest_unsettled(), await tx.outbox.next_due(NOW)) == (None, None)
    await outbox.put(card("asked"))
    outbox.clock.advance(SECOND)
    await outbox.retry_later(await outbox.claim_next(), 5 * SECOND)
    async with outbox.store.read() as tx:
        assert await tx.outbox.oldest_unsettled() == NOW
        assert await tx.outbox.next_due(NOW) == NOW + 6 * SECOND


async def test_what_ended_long_ago_is_dropped_and_failures_with_it(outbox: OutboxHarness) -> None:
    await outbox.put(card("old"), card("failed", stream="op-b"))
    await outbox.deliver(await outbox.claim_next())
    await outbox.fail(await outbox.claim_next())
    await outbox.put(reply(1))
    await outbox.deliver(await outbox.claim_next())
    outbox.clock.advance(timedelta(days=30))
    await outbox.put(card("waits"))
    async with outbox.store.write() as tx:
        assert await tx.of(OutboxPruning).prune_rows(outbox.now - timedelta(days=7)) == 3
    assert await outbox.counts() == {"pending": 1}
    assert (await outbox.claim_next()).ts, "the address outlives the row"
    await outbox.put(reply(1))
    assert await outbox.claim() is None, "a reply is not sent again after its row is gone"


async def test_a_clock_that_was_set_back_silences_nobody(outbox: OutboxHarness) -> None:
    outbox.pace = RateLimits(post_interval=SECOND, edit_interval=SECOND, edit_burst=0)
    await outbox.put(card("one"))
    assert await outbox.send_all() == ["one"]
    await outbox.put(card("two", low_priority=True))
    await outbox.put(outbox_note("other", stream="op-b", channel="C2"))
    await outbox.retry_later(await outbox.claim_next(), 60 * SECOND)
    async with outbox.store.write() as tx:
        await tx.outbox.block_budget(EDIT_BUDGET, outbox.now + 3600 * SECOND, outbox.now)
    outbox.clock.advance(-3600 * SECOND)
    assert sorted(await outbox.send_all()) == ["other", "two"]
    await outbox.put(outbox_note("third", stream="op-c", channel="C2"))
    assert await outbox.send_all() == []  # the second of the channel's budget counts from now
    outbox.clock.advance(2 * SECOND)
    assert await outbox.send_all() == ["third"]


async def test_a_clock_that_was_set_forward_sends_nothing_twice(outbox: OutboxHarness) -> None:
    await outbox.put(card("one"))
    row = await outbox.claim_next()
    outbox.clock.advance(3600 * SECOND)
    async with outbox.store.write() as tx:
        assert await tx.outbox.claim("replica-1", outbox.now, outbox.pace, {row.id}) is None
        assert await tx.outbox.claim("replica-2", outbox.now, outbox.pace) is not None
