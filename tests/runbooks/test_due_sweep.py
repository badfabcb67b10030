"""Whatever is open has something due next; what has not is found within a minute, also without its worker."""

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from domain.paging.pages import PageState
from runbooks.due_sweep import MAX_SWEEP_AGE, DueCheck, DueSweep
from storage.pages import PageRepository
from storage.store import Store, Transaction
from storage.tables.paging import pages
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.paging import PagingHarness, paging_catalogue

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]


@pytest.fixture
def harness(store: Store) -> PagingHarness:
    return PagingHarness(store, paging_catalogue())


def sweep_of(harness: PagingHarness, *, repairs: bool = True) -> DueSweep:
    async def find(tx: Transaction, at: object) -> tuple[str, ...]:
        return await tx.of(PageRepository).forgotten(harness.clock.now())

    async def repair(tx: Transaction, page_id: str, at: object) -> None:
        await tx.of(PageRepository).revive(page_id, harness.clock.now())

    return DueSweep(harness.store, harness.clock, [DueCheck("pages", find, repair if repairs else None)])


async def forget(harness: PagingHarness) -> None:
    """What no code of ours does: an open page with nothing due."""
    async with harness.store.engines.write.begin() as connection:
        await connection.execute(update(pages).values(due_at=None, recheck=False))


async def test_a_page_with_a_next_call_is_proven_and_one_without_is_found_and_called(harness: PagingHarness) -> None:
    sweep = sweep_of(harness)
    page = await harness.request()
    await harness.work()
    await sweep.run_once()
    assert (sweep.is_proven, sweep.describe()) == (True, "whatever is open has something due next")
    await forget(harness)
    await sweep.run_once()
    assert (sweep.is_proven, sweep.describe(), sweep.repaired) == (False, f"nothing is due next for {page.id}", 1)
    await sweep.run_once()
    assert sweep.is_proven
    assert (await harness.page()).due_at == harness.clock.now()


async def test_a_worker_that_stands_still_is_found_by_what_is_overdue(harness: PagingHarness) -> None:
    sweep = sweep_of(harness, repairs=False)
    page = await harness.request()
    harness.clock.advance(timedelta(minutes=4))
    await sweep.run_once()
    assert sweep.is_proven
    harness.clock.advance(timedelta(minutes=2))
    await sweep.run_once()
    assert sweep.forgotten == (page.id,)


async def test_an_ended_page_needs_nothing(harness: PagingHarness) -> None:
    sweep = sweep_of(harness)
    await harness.request()
    await harness.stop()
    harness.clock.advance(timedelta(days=1))
    await sweep.run_once()
    assert (sweep.is_proven, (await harness.page()).state) == (True, PageState.ENDED)


async def test_an_old_proof_proves_nothing(harness: PagingHarness) -> None:
    sweep = sweep_of(harness)
    await sweep.run_once()
    harness.clock.advance(MAX_SWEEP_AGE + timedelta(seconds=1))
    assert (sweep.is_proven, sweep.describe()) == (False, "no sweep for 181 s")


async def test_its_cost_does_not_grow_with_history(harness: PagingHarness) -> None:
    """The query reads an index that holds only what is open."""
    if not harness.store.engines.is_sqlite:
        pytest.skip("SQLite's planner answers without statistics; both databases have the same indexes")
    where = "settled_at IS NULL AND state = 'open' AND (due_at IS NULL OR due_at < '2026-01-01')"
    async with harness.store.engines.read.connect() as connection:
        plan = (await connection.execute(text(f"EXPLAIN QUERY PLAN SELECT id FROM pages WHERE {where}"))).all()  # noqa: S608
    assert any("USING INDEX ix_pages" in row[3] for row in plan), plan
