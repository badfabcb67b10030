"""The audit log: append-only, chained, and whoever changes it is found out."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from domain.audit import GENESIS, AuditEntry, AuditRecord, chain_digest, find_broken_link
from domain.people import Person
from storage.engines import open_engines
from storage.store import Store, Transaction
from storage.tables.core import audit, audit_head
from tests.harness.samples.operations import ANA, MIA, NOW


def entry(key: str, **more: object) -> AuditEntry:
    fields: dict[str, object] = {"at": NOW, "who": ANA, "what": "rollback", "where": "production/deep-echo-main"}
    return AuditEntry(key=key, **(fields | more))  # type: ignore[arg-type]


async def append(store: Store, *entries: AuditEntry) -> None:
    for each in entries:
        async with store.write() as tx:
            await tx.audit.append(each)


async def broken(store: Store) -> tuple[int, str] | None:
    async with store.read() as tx:
        records: list[AuditRecord] = [each async for each in tx.audit.walk()]
        found = find_broken_link(records, await tx.audit.head())
    return (found.number, found.problem) if found else None


async def test_an_empty_log_holds(store: Store) -> None:
    assert await broken(store) is None
    async with store.read() as tx:
        assert await tx.audit.head() == (0, GENESIS)


async def test_each_record_continues_the_one_before(store: Store) -> None:
    await append(store, *(entry(f"op-a/{number}", why=f"ünïcode {number}") for number in range(5)))
    assert await broken(store) is None
    async with store.read() as tx:
        records = [each async for each in tx.audit.walk()]
        assert await tx.audit.head() == (5, records[-1].digest)
    assert [each.entry.key for each in records] == [f"op-a/{number}" for number in range(5)]
    assert [each.previous for each in records] == [GENESIS, *(each.digest for each in records[:-1])]


async def test_an_event_that_is_in_the_log_keeps_its_first_record(store: Store) -> None:
    async with store.write() as tx:
        assert await tx.audit.append(entry("op-a/requested")) == 1
        assert await tx.audit.append(entry("op-a/decided")) == 2
        assert await tx.audit.append(entry("op-a/requested", outcome="otherwise")) == 1
    async with store.read() as tx:
        assert [each.entry.outcome async for each in tx.audit.walk()] == ["", ""]


async def test_writers_at_the_same_time_do_not_fork_the_chain(store: Store, database_url: str) -> None:
    """Two processes, sixty events, some of them the same: one chain."""
    other = Store(open_engines(database_url))

    async def write(mine: Store, number: int) -> None:
        async with mine.write() as tx:
            await tx.audit.append(entry(f"op-{number}/ended"))

    await asyncio.gather(*(write(mine, number) for number in range(30) for mine in (store, other)))
    await other.close()
    assert await broken(store) is None
    async with store.read() as tx:
        assert (await tx.audit.head())[0] == 30


async def test_a_transaction_that_broke_leaves_no_gap(store: Store) -> None:
    async def breaks() -> None:
        async with store.write() as tx:
            await tx.audit.append(entry("op-a/lost"))
            raise ZeroDivisionError

    await append(store, entry("op-a/1"))
    with pytest.raises(ZeroDivisionError):
        await breaks()
    await append(store, entry("op-a/2"))
    assert await broken(store) is None
    async with store.read() as tx:
        assert (await tx.audit.head())[0] == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", NOW + timedelta(seconds=1)),
        ("who", "U0MIA00003"),
        ("team", "T0PARTNERS"),
        ("what", "restart"),
        ("where", "staging/deep-echo-main"),
        ("why", "another reason"),
        ("approval", "approved by nobody"),
        ("outcome", "succeeded"),
        ("operation", "op-zzzz"),
        ("key", "op-a/other"),
    ],
)
async def test_a_changed_field_is_found_at_its_record(store: Store, column: str, value: object) -> None:
    await append(store, *(entry(f"op-a/{number}") for number in range(5)))
    await tamper(store, update(audit).where(audit.c.number == 3).values({column: value}))
    assert await broken(store) == (3, "its contents were changed")


async def tamper(store: Store, statement: object) -> None:
    """Write past the repository, as somebody with the database's password could."""
    async with store.engines.write.begin() as connection:
        await connection.execute(statement)  # type: ignore[call-overload]


async def test_a_changed_record_with_a_new_digest_is_found_at_the_next(store: Store) -> None:
    await append(store, *(entry(f"op-a/{number}") for number in range(5)))
    async with store.read() as tx:
        third = [each async for each in tx.audit.walk()][2]
    forged = chain_digest(third.previous, third.number, replace(third.entry, outcome="succeeded"))
    await tamper(store, update(audit).where(audit.c.number == 3).values(outcome="succeeded", digest=forged))
    assert await broken(store) == (4, "it does not continue the record before it")


async def test_a_record_that_was_taken_out_is_missed(store: Store) -> None:
    await append(store, *(entry(f"op-a/{number}") for number in range(5)))
    await tamper(store, delete(audit).where(audit.c.number == 2))
    assert await broken(store) == (2, "the record is missing")


async def test_an_end_that_was_cut_off_is_missed(store: Store) -> None:
    await append(store, *(entry(f"op-a/{number}") for number in range(5)))
    await tamper(store, delete(audit).where(audit.c.number > 3))
    assert await broken(store) == (4, "the chain ends at 3, its head says 5")


async def test_a_head_that_was_put_back_is_noticed(store: Store) -> None:
    await append(store, *(entry(f"op-a/{number}") for number in range(5)))
    await tamper(store, update(audit_head).values(number=3))
    found = await broken(store)
    assert found is not None
    assert found[1] == "the chain ends at 5, its head says 3"


async def found(tx: Transaction, **asked: object) -> list[str]:
    return [each.entry.key for each in await tx.audit.search(**asked)]  # type: ignore[arg-type]


async def test_a_search_narrows_and_gives_the_newest_first(store: Store) -> None:
    await append(
        store,
        entry("a", who=ANA, what="deploy", where="staging/deep-echo-main", at=NOW - timedelta(hours=2)),
        entry("b", who=MIA, what="approve", where="production/deep-echo-main", why="100%_sure"),
        entry("c", who=ANA, what="deploy", where="production/deep-echo-main", operation="op-k7m2"),
    )
    async with store.read() as tx:
        assert await found(tx) == ["c", "b", "a"]
        assert await found(tx, limit=1) == ["c"]
        assert await found(tx, who=ANA.user_id) == ["c", "a"]
        assert await found(tx, what="deploy", where="staging") == ["a"]
        assert await found(tx, since=NOW - timedelta(hours=1)) == ["c", "b"]
        assert await found(tx, search_text="op-k7m2") == ["c"]
        assert await found(tx, search_text="100%_s") == ["b"]
        assert await found(tx, search_text="100%s") == []


async def test_more_records_than_a_page(store: Store) -> None:
    async with store.write() as tx:
        for number in range(22):
            await tx.audit.append(entry(f"op-a/{number}", who=Person("U1", "T1")))
    async with store.read() as tx:
        assert [each.number async for each in tx.audit.walk(page_size=7)] == list(range(1, 23))
        assert [each.number async for each in tx.audit.walk(page_size=11)] == list(range(1, 23))
