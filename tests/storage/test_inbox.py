"""What arrives is on the disk before it is acknowledged, once."""

import asyncio
from datetime import timedelta, timezone

import pytest
from sqlalchemy import event

from domain.errors import TemporaryError
from domain.inbound import InboundKind, InboundMessage
from storage.engines import open_engines
from storage.inbox import MAX_WRITE_BATCH_MESSAGES, InboxWriter
from storage.store import Store
from tests.harness.database_outage import database_unavailable
from tests.harness.samples.operations import NOW


def delivery(key: str, seconds: int = 0) -> InboundMessage:
    return InboundMessage(
        key=key, kind=InboundKind.COMMAND, body='{"text": "status"}', received_at=NOW + timedelta(seconds=seconds)
    )


async def unanswered(store: Store) -> list[str]:
    async with store.read() as tx:
        return [each.key for each in await tx.inbox.unanswered(received_before=NOW + timedelta(hours=1))]


async def test_a_duplicate_is_recognised_also_by_another_writer(store: Store) -> None:
    first, second = InboxWriter(store.engines.write), InboxWriter(store.engines.write)
    assert await first.put(delivery("envelope-1"))
    assert not await first.put(delivery("envelope-1"))
    assert not await second.put(delivery("envelope-1"))
    assert await unanswered(store) == ["envelope-1"]


async def test_a_duplicate_at_the_same_moment_is_recognised_too(store: Store) -> None:
    writer = InboxWriter(store.engines.write)
    kept = await asyncio.gather(*(writer.put(delivery("envelope-1")) for _ in range(8)))
    assert sorted(kept) == [False] * 7 + [True]


async def test_many_at_once_share_commits(store: Store) -> None:
    commits: list[object] = []
    event.listen(store.engines.write.sync_engine, "commit", commits.append)
    writer = InboxWriter(store.engines.write)
    count = 3 * MAX_WRITE_BATCH_MESSAGES
    assert all(await asyncio.gather(*(writer.put(delivery(f"envelope-{number}", number)) for number in range(count))))
    assert len(commits) <= 4
    assert await unanswered(store) == [f"envelope-{number}" for number in range(count)]


async def test_who_stops_waiting_does_not_stop_the_others(store: Store) -> None:
    writer = InboxWriter(store.engines.write)
    given_up = asyncio.create_task(writer.put(delivery("envelope-1")))
    patient = asyncio.create_task(writer.put(delivery("envelope-2")))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await patient
    assert await unanswered(store) == ["envelope-1", "envelope-2"]


@pytest.mark.parametrize("url", ["postgresql://postgres@127.0.0.1:1/none", "sqlite:////no/such/folder/deepecho.db"])
async def test_where_nothing_was_kept_everybody_who_waits_is_told(url: str) -> None:
    engines = open_engines(url)
    writer = InboxWriter(engines.write)
    async with asyncio.timeout(5):
        told = await asyncio.gather(*(writer.put(delivery(f"envelope-{number}")) for number in range(3)), return_exceptions=True)
    assert [type(each) for each in told] == [TemporaryError] * 3
    await engines.dispose()


@pytest.mark.postgres
async def test_after_an_outage_the_same_writer_goes_on(postgres_url: str) -> None:
    store = Store(open_engines(postgres_url))
    writer = InboxWriter(store.engines.write)
    async with database_unavailable(postgres_url):
        with pytest.raises(TemporaryError, match="The inbox could not be written"):
            await writer.put(delivery("envelope-1"))
    assert await writer.put(delivery("envelope-1"))
    await store.close()


async def test_one_replica_takes_a_delivery_and_answers_it_once(store: Store) -> None:
    await InboxWriter(store.engines.write).put(delivery("envelope-1"))
    async with store.write() as tx:
        assert await tx.inbox.claim("envelope-1", "replica-1")
        assert await tx.inbox.claim("envelope-1", "replica-1")
        assert not await tx.inbox.claim("envelope-1", "replica-2")
        await tx.inbox.mark_answered("envelope-1", NOW, "said")
        await tx.inbox.mark_answered("envelope-1", NOW, "complaint")
        assert not await tx.inbox.claim("envelope-1", "replica-1")
    assert await unanswered(store) == []


async def test_what_nobody_answered_comes_back_as_it_arrived_oldest_first(store: Store) -> None:
    """Also what another time zone's clock stamped, and what came on the full second."""
    writer = InboxWriter(store.engines.write)
    later = delivery("envelope-2", 3)
    east = InboundMessage(
        key="envelope-1",
        kind=InboundKind.VIEW,
        body="{}",
        received_at=(NOW + timedelta(seconds=2)).astimezone(timezone(timedelta(hours=9))),
    )
    for each in (later, east, delivery("envelope-0", 1)):
        await writer.put(each)
    async with store.read() as tx:
        found = await tx.inbox.unanswered(received_before=NOW + timedelta(seconds=3))
    assert found == (delivery("envelope-0", 1), east)
