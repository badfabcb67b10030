"""Several replicas share one outbox: claims, rows of dead replicas, budgets."""

import asyncio
from datetime import timedelta

import pytest

from storage.engines import open_engines
from storage.outbox import SEND_CLAIM_TIMEOUT, RateLimits
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.outbox import OutboxHarness, card, reply, text_of
from tests.harness.samples.operations import NOW


@pytest.fixture
def outbox(store: Store) -> OutboxHarness:
    return OutboxHarness(store, StoppedClock())


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


async def test_two_replicas_never_take_the_same_row_nor_two_of_a_stream(outbox: OutboxHarness, database_url: str) -> None:
    """Twenty streams of five rows, two replicas, four hands each, from connections of their own."""
    for number in range(20):
        async with outbox.store.write() as tx:
            stream = f"s-{number}"
            await tx.outbox.put(card("asked", stream=stream, channel=stream), at=NOW)
            for reply_number in range(4):
                await tx.outbox.put(reply(reply_number, stream=stream, channel=stream), at=NOW)
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
    outboxes = [OutboxHarness(store, outbox.clock) for store in stores]
    await asyncio.gather(*(hand(mine, f"replica-{number}") for number, mine in enumerate(outboxes) for _ in range(4)))
    for store in stores:
        await store.close()
    assert len(sent) == 100
    for number in range(20):
        assert [text for stream, text in sent if stream == f"s-{number}"] == ["asked", "t/0", "t/1", "t/2", "t/3"]


async def test_two_replicas_share_a_channels_budget(outbox: OutboxHarness, database_url: str) -> None:
    await outbox.put(*(card("x", stream=f"s-{number}") for number in range(10)))
    stores = [Store(open_engines(database_url)) for _ in range(2)]
    outboxes = [OutboxHarness(store, outbox.clock, RateLimits()) for store in stores]
    rows = await asyncio.gather(*(mine.claim(f"replica-{number}") for number, mine in enumerate(outboxes * 4)))
    for store in stores:
        await store.close()
    assert len([row for row in rows if row is not None]) == 1
