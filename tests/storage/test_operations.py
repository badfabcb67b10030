"""Operations belong to one process at a time: whoever lost one cannot write to it any more."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import TemporaryError
from domain.operations.operation import State
from domain.operations.transitions import open_operation
from domain.workloads.image_ids import ReportedImage
from storage.engines import open_engines
from storage.operations import Fenced
from storage.store import Store
from tests.harness.samples.operations import NOW, record


async def add(store: Store, **more: object) -> None:
    async with store.write() as tx:
        await tx.operations.add(record(**more))  # type: ignore[arg-type]


async def test_a_record_comes_back_as_it_was(store: Store) -> None:
    await add(store)
    async with store.read() as tx:
        assert await tx.operations.get("op-k7m2") == record()
        assert await tx.operations.get_by_source("envelope-1") == record()
        assert await tx.operations.get("op-none") is None
        assert await tx.operations.known_ids(("op-k7m2", "op-none")) == {"op-k7m2"}


async def test_the_same_source_does_not_begin_twice(store: Store) -> None:
    await add(store)
    with pytest.raises(TemporaryError):
        await add(store, id="op-other")
    async with store.read() as tx:
        assert len(await tx.operations.recent()) == 1


async def test_of_two_who_claim_an_operation_one_gets_it(store: Store, database_url: str) -> None:
    await add(store, owner="dead", epoch=3)
    other = Store(open_engines(database_url))

    async def claim(mine: Store, owner: str) -> bool:
        async with mine.write() as tx:
            return await tx.operations.claim(record(owner=owner, epoch=4))

    claimed = await asyncio.gather(*(claim(mine, f"replica-{number}") for number, mine in enumerate((store, other) * 3)))
    await other.close()
    assert sorted(claimed) == [False] * 5 + [True]
    async with store.read() as tx:
        found = await tx.operations.get("op-k7m2")
    assert found is not None
    assert (found.owner, found.epoch) == (f"replica-{claimed.index(True)}", 4)


async def test_who_lost_an_operation_can_neither_read_it_to_write_nor_write_it(store: Store) -> None:
    await add(store, owner="replica-1", epoch=1)
    async with store.write() as tx:
        assert await tx.operations.claim(record(owner="replica-2", epoch=2))
    with pytest.raises(Fenced, match="at epoch 2, not 1"):
        async with store.write() as tx:
            await tx.operations.get_for_update("op-k7m2", epoch=1)
    with pytest.raises(Fenced, match="no longer at epoch 1"):
        async with store.write() as tx:
            await tx.operations.save(record(owner="replica-1", epoch=1, outcome="too late"))
    async with store.read() as tx:
        assert await tx.operations.get("op-k7m2") == record(owner="replica-2", epoch=2)


async def test_a_change_of_a_lost_operation_says_nothing_and_audits_nothing(store: Store) -> None:
    await add(store, epoch=2)
    with pytest.raises(Fenced):
        async with store.write() as tx:
            await tx.apply(open_operation(record(epoch=1)), NOW)
    async with store.read() as tx:
        assert await tx.outbox.count_by_state() == {}
        assert (await tx.audit.head())[0] == 0


async def test_fenced_is_not_caught_by_who_catches_errors() -> None:
    assert not issubclass(Fenced, Exception)


async def test_a_change_keeps_the_record_its_card_and_its_audit_together(store: Store) -> None:
    change = open_operation(record())
    async with store.write() as tx:
        await tx.apply(change, NOW, new=True)
    async with store.read() as tx:
        assert await tx.operations.get("op-k7m2") == record()
        assert await tx.outbox.count_by_state() == {"pending": 1 + len(change.notes)}
        [kept] = await tx.audit.search()
    assert (kept.entry.key, kept.entry.operation) == ("op-k7m2/requested", "op-k7m2")


async def test_lists_newest_first(store: Store) -> None:
    for number, state in enumerate((State.WAITING, State.RUNNING, State.SUCCEEDED)):
        made = record(state, id=f"op-{number}", source=f"s-{number}", requested_at=NOW + timedelta(minutes=number))
        if number == 1:
            made = replace(made, plan=replace(made.plan, environment="staging"))
        async with store.write() as tx:
            await tx.operations.add(made)
    async with store.read() as tx:
        assert [each.id for each in await tx.operations.recent()] == ["op-2", "op-1", "op-0"]
        assert [each.id for each in await tx.operations.recent(limit=1)] == ["op-2"]
        assert [each.id for each in await tx.operations.recent(unfinished=True)] == ["op-1", "op-0"]
        assert [each.id for each in await tx.operations.recent(environment="staging")] == ["op-1"]
        assert [each.id for each in await tx.operations.unfinished()] == ["op-0", "op-1"]


async def test_what_a_version_ran_as_last_is_kept_for_each_platform(store: Store) -> None:
    amd, arm = (
        ReportedImage("web@sha256:aa", "linux/amd64 containerd"),
        ReportedImage("web@sha256:cc", "linux/arm64 containerd"),
    )
    async with store.write() as tx:
        assert await tx.images.verified_as("web:1") == ()
        await tx.images.record("web:1", amd, NOW)
        await tx.images.record("web:1", arm, NOW)
        await tx.images.record("web:2", arm, NOW)
        await tx.images.record("web:1", newer := replace(amd, image_id="web@sha256:bb"), NOW)
        assert await tx.images.verified_as("web:1") == (newer, arm)


async def test_replicas_that_beat_live_and_those_that_leave_do_not(store: Store) -> None:
    soon, long = timedelta(milliseconds=300), timedelta(minutes=5)
    async with store.write() as tx:
        await tx.replicas.heartbeat("a")
        await tx.replicas.heartbeat("b")
        assert await tx.replicas.live(soon) == {"a", "b"}
    await asyncio.sleep(soon.total_seconds() + 0.1)  # the database's own time is what counts
    async with store.write() as tx:
        await tx.replicas.heartbeat("b")
        assert await tx.replicas.live(soon) == {"b"}
        assert await tx.replicas.live(long) == {"a", "b"}
        await tx.replicas.remove("a")
        assert await tx.replicas.live(long) == {"b"}
        await tx.replicas.prune(datetime.now(UTC) + long)
        assert await tx.replicas.live(long) == frozenset()
