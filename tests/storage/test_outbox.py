"""Whose turn it is in the outbox, and how rows end."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from domain.notes import OperationNote
from storage.engines import open_engines
from storage.outbox import EDITS, FILE_WANTED, STALE, OutboxRow, Pace, post_budget
from storage.outbox_messages import OPERATION_NOTE, Outgoing, Urgency
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.operations import NOW

SECOND = timedelta(seconds=1)
FREE = Pace(post=timedelta(), edit=timedelta(), quiet=timedelta())
"""As if Slack had no limits."""


def said(key: str, *, stream: str = "op-a", parent: str = "", channel: str = "C1", **more: object) -> Outgoing:
    fields: dict[str, object] = {"urgency": Urgency.OPERATION, "card": False, "quiet": False}
    fact = OperationNote(operation=stream, key=key, at=NOW, text=str(more.pop("text", key)))
    return Outgoing(
        key=f"{stream}/{key}",
        stream=stream,
        parent=f"{stream}/{parent}" if parent else "",
        channel=channel,
        kind=OPERATION_NOTE,
        fact=fact,
        **(fields | more),  # type: ignore[arg-type]
    )


def card(text: str, **more: object) -> Outgoing:
    return said("card", card=True, text=text, **more)  # type: ignore[arg-type]


def reply(number: int, **more: object) -> Outgoing:
    return said(f"t/{number}", parent="card", **more)  # type: ignore[arg-type]


def text_of(row: OutboxRow | None) -> str:
    """What a row says; empty for no row."""
    return "" if row is None else str(row.fact.split('"text":"')[1].split('"')[0])


@dataclass
class Box:
    """An outbox as delivery uses it, each call a transaction."""

    store: Store
    clock: StoppedClock
    pace: Pace = FREE

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def put(self, *messages: Outgoing) -> None:
        for message in messages:
            async with self.store.write() as tx:
                await tx.outbox.put(message, at=self.now)

    async def claim(self, replica: str = "replica-1") -> OutboxRow | None:
        async with self.store.write() as tx:
            return await tx.outbox.claim(replica, self.now, self.pace)

    async def next(self, replica: str = "replica-1") -> OutboxRow:
        row = await self.claim(replica)
        assert row is not None, "nothing may go out"
        return row

    async def deliver(self, row: OutboxRow, ts: str = "") -> bool:
        async with self.store.write() as tx:
            return await tx.outbox.delivered(row, row.channel, ts or row.ts or f"{row.id}.0", self.now)

    async def send_all(self) -> list[str]:
        """Deliver whatever may go out now; what was said, in order."""
        sent = []
        while (row := await self.claim()) is not None:
            await self.deliver(row)
            sent.append(text_of(row))
        return sent

    async def again(self, row: OutboxRow, after: timedelta = timedelta(), *, uncertain: bool = False) -> None:
        async with self.store.write() as tx:
            await tx.outbox.again(row, self.now + after, "broken", uncertain=uncertain)

    async def fail(self, row: OutboxRow, error: str = "no such channel") -> None:
        async with self.store.write() as tx:
            await tx.outbox.failed(row, error, self.now)

    async def counts(self) -> dict[str, int]:
        async with self.store.read() as tx:
            return dict(await tx.outbox.counts())


@pytest.fixture
def box(store: Store) -> Box:
    return Box(store, StoppedClock())


async def test_a_stream_goes_out_in_the_order_in_which_it_was_put_one_at_a_time(box: Box) -> None:
    await box.put(card("asked"), reply(1), reply(2))
    first = await box.next()
    assert text_of(first) == "asked"
    assert await box.claim() is None
    await box.deliver(first)
    assert await box.send_all() == ["t/1", "t/2"]


async def test_a_message_is_an_edit_once_it_is_there_and_a_reply_knows_its_thread(box: Box) -> None:
    await box.put(card("asked"))
    row = await box.next()
    assert (row.ts, row.parent_ts, row.attempts, row.uncertain, row.budget) == ("", "", 1, False, "post/C1")
    await box.deliver(row, "100.1")
    await box.put(card("running"), reply(1))
    row = await box.next()
    assert (row.ts, row.budget) == ("100.1", EDITS)
    await box.deliver(row)
    assert (await box.next()).parent_ts == "100.1"
    async with box.store.read() as tx:
        assert await tx.outbox.address("op-a/card") == ("C1", "100.1")
        assert await tx.outbox.address("op-a/t/1") is None


async def test_a_newer_picture_replaces_one_that_was_not_sent_yet(box: Box) -> None:
    await box.put(card("asked"), card("running"), card("ended"))
    assert await box.send_all() == ["ended"]
    assert await box.counts() == {"superseded": 2, "delivered": 1}


async def test_a_picture_under_way_is_not_replaced_but_followed(box: Box) -> None:
    await box.put(card("asked"))
    row = await box.next()
    await box.put(card("ended"))
    assert await box.claim() is None
    async with box.store.read() as tx:
        assert await tx.outbox.newer_card_waits(row)
    await box.deliver(row)
    assert await box.send_all() == ["ended"]


async def test_replies_that_wait_for_their_card_do_not_hold_up_the_card(box: Box) -> None:
    """The card was put again after them, because it had not been sent when it changed."""
    await box.put(card("asked"), reply(1), card("running"), reply(2), card("ended"))
    assert await box.send_all() == ["ended", "t/1", "t/2"]


async def test_the_same_reply_is_not_said_twice_not_even_after_it_was_sent(box: Box) -> None:
    await box.put(card("asked"), reply(1), reply(1))
    assert await box.send_all() == ["asked", "t/1"]
    await box.put(reply(1))
    assert await box.send_all() == []


async def test_urgency_decides_between_streams_and_age_between_equals(box: Box) -> None:
    await box.put(
        card("digest", stream="digest", urgency=Urgency.DIGEST),
        card("older", stream="op-a"),
        card("younger", stream="op-b"),
        card("page", stream="page", urgency=Urgency.PAGE),
    )
    assert await box.send_all() == ["page", "older", "younger", "digest"]


async def test_a_channel_gets_one_new_message_a_second(box: Box) -> None:
    box.pace = Pace()
    await box.put(card("a", stream="a"), card("b", stream="b"), card("elsewhere", stream="c", channel="C2"))
    assert await box.send_all() == ["a", "elsewhere"]
    box.clock.go_on(SECOND - timedelta(microseconds=1))
    assert await box.send_all() == []
    box.clock.go_on(timedelta(microseconds=1))
    assert await box.send_all() == ["b"]


async def test_edits_have_a_budget_of_their_own_for_the_whole_workspace(box: Box) -> None:
    """Fifty a minute, of which about ten may come at once."""
    streams = [f"s-{number}" for number in range(20)]
    await box.put(*(card("new", stream=stream, channel=stream) for stream in streams))
    assert len(await box.send_all()) == 20
    box.pace = Pace(quiet=timedelta())
    await box.put(*(card("changed", stream=stream, channel=stream) for stream in streams))
    assert len(await box.send_all()) == 11
    box.clock.go_on(timedelta(seconds=2.4))
    assert len(await box.send_all()) == 2
    await box.put(card("a post", stream="other"))
    assert await box.send_all() == ["a post"]


@pytest.mark.parametrize(("budget", "free"), [(post_budget("C1"), "elsewhere"), (EDITS, "new")])
async def test_a_budget_that_slack_wants_held_is_not_spent_before_then(box: Box, budget: str, free: str) -> None:
    await box.put(card("first", stream="edited", channel="C2"))
    await box.send_all()
    async with box.store.write() as tx:
        await tx.outbox.hold(budget, box.now + 30 * SECOND)
        await tx.outbox.hold(budget, box.now + 5 * SECOND)
    await box.put(card("new", stream="op-a"), card("elsewhere", stream="edited", channel="C2"))
    assert await box.send_all() == [free]
    box.clock.go_on(30 * SECOND)
    assert len(await box.send_all()) == 1


async def test_a_card_that_only_counts_waits_three_seconds_and_holds_nobody_up(box: Box) -> None:
    box.pace = Pace(post=timedelta(), edit=timedelta())
    await box.put(card("0 of 3"))
    await box.send_all()
    await box.put(card("1 of 3", quiet=True), reply(1), card("2 of 3", quiet=True))
    assert await box.send_all() == ["t/1"]
    box.clock.go_on(3 * SECOND)
    assert await box.send_all() == ["2 of 3"]


async def test_a_card_that_says_something_is_not_slowed_down_by_one_that_only_counts(box: Box) -> None:
    box.pace = Pace(post=timedelta(), edit=timedelta())
    await box.put(card("asked"))
    await box.send_all()
    await box.put(card("approved"), card("0 of 3", quiet=True))
    assert await box.send_all() == ["0 of 3"]


async def test_what_is_tried_again_waits_until_then_and_keeps_its_place(box: Box) -> None:
    await box.put(card("asked"), reply(1))
    await box.again(await box.next(), 5 * SECOND)
    assert await box.claim() is None
    box.clock.go_on(5 * SECOND)
    row = await box.next()
    assert (text_of(row), row.attempts, row.uncertain) == ("asked", 2, False)
    await box.again(row, uncertain=True)
    row = await box.next()
    assert (row.attempts, row.uncertain) == (3, True)
    await box.again(row)
    assert not (await box.next()).uncertain


async def test_a_message_of_unknown_outcome_is_not_replaced_by_a_newer_picture(box: Box) -> None:
    await box.put(card("asked"))
    await box.again(await box.next(), uncertain=True)
    await box.put(card("ended"))
    assert text_of(await box.next()) == "asked"


async def test_a_row_under_way_for_too_long_is_somebody_elses_to_look_for(box: Box) -> None:
    await box.put(card("asked"))
    dead = await box.next("dead")
    box.clock.go_on(STALE)
    assert await box.claim() is None
    box.clock.go_on(timedelta(microseconds=1))
    row = await box.next("replica-2")
    assert (row.uncertain, row.attempts) == (True, 2)
    assert not await box.deliver(dead), "the replica that slept may not write any more"
    await box.again(dead)
    await box.fail(dead)
    assert await box.deliver(row)
    assert await box.counts() == {"delivered": 1}


async def test_what_dead_replicas_had_under_way_is_looked_for_at_once(box: Box) -> None:
    await box.put(card("a", stream="a"), card("b", stream="b"))
    await box.next("dead")
    await box.next("alive")
    async with box.store.write() as tx:
        await tx.outbox.abandon(frozenset({"alive"}))
    row = await box.next("alive")
    assert (text_of(row), row.uncertain) == ("a", True)
    assert await box.claim() is None
    async with box.store.write() as tx:
        await tx.outbox.abandon(frozenset())
    assert text_of(await box.next()) == "a"


async def test_what_failed_is_kept_to_be_seen_with_the_replies_that_waited_for_it(box: Box) -> None:
    await box.put(card("asked"), reply(1), card("other", stream="op-b"))
    await box.fail(await box.next())
    assert await box.send_all() == ["other"]
    async with box.store.read() as tx:
        failed = await tx.outbox.failures(since=NOW)
        assert await tx.outbox.failures(since=NOW + SECOND) == ()
    assert {each.key: each.error for each in failed} == {
        "op-a/card": "no such channel",
        "op-a/t/1": "its parent failed: no such channel",
    }


async def test_after_a_failure_a_newer_picture_and_its_replies_have_a_chance_of_their_own(box: Box) -> None:
    await box.put(card("asked"))
    await box.fail(await box.next())
    await box.put(card("ended"), reply(1))
    assert await box.send_all() == ["ended", "t/1"]


async def test_an_edit_that_fails_does_not_take_the_thread_with_it(box: Box) -> None:
    await box.put(card("asked"))
    await box.send_all()
    await box.put(card("ended"), reply(1))
    await box.fail(await box.next())
    assert await box.send_all() == ["t/1"]


async def test_a_stream_that_moves_leaves_its_messages_behind(box: Box) -> None:
    await box.put(card("asked"))
    await box.send_all()
    await box.put(reply(1), card("ended"), reply(2))
    await box.again(await box.next())
    async with box.store.write() as tx:
        await tx.outbox.move("op-a", "C2")
        assert await tx.outbox.address("op-a/card") is None
    row = await box.next()
    assert (text_of(row), row.channel, row.ts, row.budget) == ("ended", "C2", "", "post/C2")
    await box.deliver(row, "200.1")
    reply_row = await box.next()
    assert (text_of(reply_row), reply_row.channel, reply_row.parent_ts) == ("t/1", "C2", "200.1")


async def test_a_reply_moves_alone_where_its_card_has_nothing_new(box: Box) -> None:
    await box.put(card("asked"))
    await box.send_all()
    await box.put(reply(1))
    async with box.store.write() as tx:
        await tx.outbox.move("op-a", "C2")
    row = await box.next()
    assert (text_of(row), row.channel, row.parent_ts) == ("t/1", "C2", "")


async def test_a_file_that_is_still_to_come_keeps_the_row_open_and_the_address_known(box: Box) -> None:
    await box.put(card("asked"), reply(1))
    row = await box.next()
    async with box.store.write() as tx:
        assert await tx.outbox.arrived(row, "C1", "100.1", box.now)
        assert await tx.outbox.address("op-a/card") == ("C1", "100.1")
    await box.again(row)
    row = await box.next()
    assert (row.ts, row.file_id) == ("100.1", FILE_WANTED)
    async with box.store.write() as tx:
        assert await tx.outbox.file_begun(row, "F1", box.now)
    await box.again(row)
    row = await box.next()
    assert row.file_id == "F1"
    await box.deliver(row)
    assert await box.send_all() == ["t/1"]


async def test_the_oldest_row_and_when_the_next_is_due(box: Box) -> None:
    async with box.store.read() as tx:
        assert (await tx.outbox.oldest_unsettled(), await tx.outbox.next_due()) == (None, None)
    await box.put(card("asked"))
    box.clock.go_on(SECOND)
    await box.again(await box.next(), 5 * SECOND)
    async with box.store.read() as tx:
        assert await tx.outbox.oldest_unsettled() == NOW
        assert await tx.outbox.next_due() == NOW + 6 * SECOND


async def test_what_ended_long_ago_is_dropped_but_for_failures(box: Box) -> None:
    await box.put(card("old"), card("failed", stream="op-b"))
    await box.deliver(await box.next())
    await box.fail(await box.next())
    box.clock.go_on(timedelta(days=30))
    await box.put(card("waits"))
    async with box.store.write() as tx:
        await tx.outbox.prune(box.now - timedelta(days=7))
    assert await box.counts() == {"failed": 1, "pending": 1}
    assert (await box.next()).ts, "the address outlives the row"


async def test_two_replicas_never_take_the_same_row_nor_two_of_a_stream(box: Box, database_url: str) -> None:
    """Twenty streams of five rows, two replicas, four hands each, from connections of their own."""
    for number in range(20):
        async with box.store.write() as tx:
            stream = f"s-{number}"
            await tx.outbox.put(card("asked", stream=stream, channel=stream), at=NOW)
            for place in range(4):
                await tx.outbox.put(reply(place, stream=stream, channel=stream), at=NOW)
    sent: list[tuple[str, str]] = []
    under_way: set[str] = set()

    async def hand(mine: Box, replica: str) -> None:
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
    boxes = [Box(store, box.clock) for store in stores]
    await asyncio.gather(*(hand(mine, f"replica-{place}") for place, mine in enumerate(boxes) for _ in range(4)))
    for store in stores:
        await store.close()
    assert len(sent) == 100
    for number in range(20):
        assert [text for stream, text in sent if stream == f"s-{number}"] == ["asked", "t/0", "t/1", "t/2", "t/3"]


async def test_two_replicas_share_a_channels_budget(box: Box, database_url: str) -> None:
    await box.put(*(card("x", stream=f"s-{number}") for number in range(10)))
    stores = [Store(open_engines(database_url)) for _ in range(2)]
    boxes = [Box(store, box.clock, Pace()) for store in stores]
    rows = await asyncio.gather(*(mine.claim(f"replica-{place}") for place, mine in enumerate(boxes * 4)))
    for store in stores:
        await store.close()
    assert len([row for row in rows if row is not None]) == 1
