"""Whose turn it is in the outbox, and how rows end."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from domain.notes import OperationNote
from storage.engines import open_engines
from storage.outbox import EDIT_BUDGET, FILE_NOT_UPLOADED, SEND_CLAIM_TIMEOUT, OutboxRow, RateLimits, post_budget
from storage.outbox_messages import OPERATION_NOTE, OutboxMessage, Urgency
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.operations import NOW

SECOND = timedelta(seconds=1)
NO_RATE_LIMITS = RateLimits(post_interval=timedelta(), edit_interval=timedelta(), low_priority_interval=timedelta())
"""As if Slack had no limits."""


def outbox_note(key: str, *, stream: str = "op-a", parent: str = "", channel: str = "C1", **more: object) -> OutboxMessage:
    fields: dict[str, object] = {"urgency": Urgency.OPERATION, "card": False, "low_priority": False}
    fact = OperationNote(operation_id=stream, key=key, at=NOW, text=str(more.pop("text", key)))
    return OutboxMessage(
        key=f"{stream}/{key}",
        stream=stream,
        parent=f"{stream}/{parent}" if parent else "",
        channel=channel,
        kind=OPERATION_NOTE,
        fact=fact,
        **(fields | more),  # type: ignore[arg-type]
    )


def card(text: str, **more: object) -> OutboxMessage:
    return outbox_note("card", card=True, text=text, **more)  # type: ignore[arg-type]


def reply(number: int, **more: object) -> OutboxMessage:
    return outbox_note(f"t/{number}", parent="card", **more)  # type: ignore[arg-type]


def text_of(row: OutboxRow | None) -> str:
    """What a row says; empty for no row."""
    return "" if row is None else str(row.fact.split('"text":"')[1].split('"')[0])


@dataclass
class OutboxHarness:
    """An outbox as delivery uses it, each call a transaction."""

    store: Store
    clock: StoppedClock
    pace: RateLimits = NO_RATE_LIMITS

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def put(self, *messages: OutboxMessage) -> None:
        for message in messages:
            async with self.store.write() as tx:
                await tx.outbox.put(message, at=self.now)

    async def claim(self, replica: str = "replica-1") -> OutboxRow | None:
        async with self.store.write() as tx:
            return await tx.outbox.claim(replica, self.now, self.pace)

    async def claim_next(self, replica: str = "replica-1") -> OutboxRow:
        row = await self.claim(replica)
        assert row is not None, "nothing may go out"
        return row

    async def deliver(self, row: OutboxRow, ts: str = "") -> bool:
        async with self.store.write() as tx:
            return await tx.outbox.mark_delivered(row, row.channel, ts or row.ts or f"{row.id}.0", self.now)

    async def send_all(self) -> list[str]:
        """Deliver whatever may go out now; what was said, in order."""
        sent = []
        while (row := await self.claim()) is not None:
            await self.deliver(row)
            sent.append(text_of(row))
        return sent

    async def retry_later(self, row: OutboxRow, after: timedelta = timedelta(), *, uncertain: bool = False) -> None:
        async with self.store.write() as tx:
            await tx.outbox.retry_later(row, self.now + after, "broken", outcome_unknown=uncertain)

    async def fail(self, row: OutboxRow, error: str = "no such channel") -> None:
        async with self.store.write() as tx:
            await tx.outbox.mark_failed(row, error, self.now)

    async def counts(self) -> dict[str, int]:
        async with self.store.read() as tx:
            return dict(await tx.outbox.count_by_state())


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
        await tx.outbox.block_budget(budget, outbox.now + 30 * SECOND)
        await tx.outbox.block_budget(budget, outbox.now + 5 * SECOND)
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


async def test_a_row_under_way_for_too_long_is_somebody_elses_to_look_for(outbox: OutboxHarness) -> None:
    await outbox.put(card("asked"))
    dead = await outbox.claim_next("dead")
    outbox.clock.advance(SEND_CLAIM_TIMEOUT)
    assert await outbox.claim() is None
    outbox.clock.advance(timedelta(microseconds=1))
    row = await outbox.claim_next("replica-2")
    assert (row.outcome_unknown, row.attempts) == (True, 2)
    assert not await outbox.deliver(dead), "the replica that slept may not write any more"
    await outbox.retry_later(dead)
    await outbox.fail(dead)
    assert await outbox.deliver(row)
    assert await outbox.counts() == {"delivered": 1}


async def test_what_dead_replicas_had_under_way_is_looked_for_at_once(outbox: OutboxHarness) -> None:
    await outbox.put(card("a", stream="a"), card("b", stream="b"))
    await outbox.claim_next("dead")
    await outbox.claim_next("alive")
    async with outbox.store.write() as tx:
        await tx.outbox.release_dead_claims(frozenset({"alive"}))
    row = await outbox.claim_next("alive")
    assert (text_of(row), row.outcome_unknown) == ("a", True)
    assert await outbox.claim() is None
    async with outbox.store.write() as tx:
        await tx.outbox.release_dead_claims(frozenset())
    assert text_of(await outbox.claim_next()) == "a"


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
        assert (await tx.outbox.oldest_unsettled(), await tx.outbox.next_due()) == (None, None)
    await outbox.put(card("asked"))
    outbox.clock.advance(SECOND)
    await outbox.retry_later(await outbox.claim_next(), 5 * SECOND)
    async with outbox.store.read() as tx:
        assert await tx.outbox.oldest_unsettled() == NOW
        assert await tx.outbox.next_due() == NOW + 6 * SECOND


async def test_what_ended_long_ago_is_dropped_but_for_failures(outbox: OutboxHarness) -> None:
    await outbox.put(card("old"), card("failed", stream="op-b"))
    await outbox.deliver(await outbox.claim_next())
    await outbox.fail(await outbox.claim_next())
    outbox.clock.advance(timedelta(days=30))
    await outbox.put(card("waits"))
    async with outbox.store.write() as tx:
        await tx.outbox.prune(outbox.now - timedelta(days=7))
    assert await outbox.counts() == {"failed": 1, "pending": 1}
    assert (await outbox.claim_next()).ts, "the address outlives the row"


async def test_two_replicas_never_take_the_same_row_nor_two_of_a_stream(outbox: OutboxHarness, database_url: str) -> None:
    """Twenty streams of five rows, two replicas, four hands each, from connections of their own."""
    for number in range(20):
        async with outbox.store.write() as tx:
            stream = f"s-{number}"
            await tx.outbox.put(card("asked", stream=stream, channel=stream), at=NOW)
            for place in range(4):
                await tx.outbox.put(reply(place, stream=stream, channel=stream), at=NOW)
    sent: list[tuple[str, str]] = []
    under_way: set[str] = set()

    async def hand(mine: OutboxHarness, replica: str) -> None:
        idle = 0
        while idle < 20:
            row = await mine.claim(replica)
            if row is None:
                idle += 1
                await asyncio.sleep(0.005)
                continue
            assert row.stream not in under_way
            under_way.add(row.stream)
            await asyncio.sleep(0)
            sent.append((row.stream, text_of(row)))
            under_way.discard(row.stream)
            assert await mine.deliver(row)

    stores = [Store(open_engines(database_url)) for _ in range(2)]
    boxes = [OutboxHarness(store, outbox.clock) for store in stores]
    await asyncio.gather(*(hand(mine, f"replica-{place}") for place, mine in enumerate(boxes) for _ in range(4)))
    for store in stores:
        await store.close()
    assert len(sent) == 100
    for number in range(20):
        assert [text for stream, text in sent if stream == f"s-{number}"] == ["asked", "t/0", "t/1", "t/2", "t/3"]


async def test_two_replicas_share_a_channels_budget(outbox: OutboxHarness, database_url: str) -> None:
    await outbox.put(*(card("x", stream=f"s-{number}") for number in range(10)))
    stores = [Store(open_engines(database_url)) for _ in range(2)]
    boxes = [OutboxHarness(store, outbox.clock, RateLimits()) for store in stores]
    rows = await asyncio.gather(*(mine.claim(f"replica-{place}") for place, mine in enumerate(boxes * 4)))
    for store in stores:
        await store.close()
    assert len([row for row in rows if row is not None]) == 1
