"""Pages are asked for and stopped in the transaction of what they are about."""

from datetime import timedelta

import pytest

from domain.errors import Refused
from domain.paging.pages import Acknowledgement, PageRequest, PageState
from domain.people import Person
from domain.severities import Severity
from storage.engines import open_engines
from storage.pages import PageRepository
from storage.store import Store
from tests.harness.samples.operations import NOW

MINUTE = timedelta(minutes=1)
REQUEST = PageRequest(subject="inc-x4k2", cause="checkout", severity=Severity.P1, team="platform", title="checkout is failing")
LEE = Acknowledgement(by=Person("U0LEE", "T0MAIN"), name="lee", at=NOW + MINUTE, door="command")


async def test_the_same_subject_and_kind_is_one_page_and_due_at_once(store: Store) -> None:
    async with store.write() as tx:
        first = await tx.of(PageRepository).request(REQUEST, NOW)
        again = await tx.of(PageRepository).request(REQUEST, NOW + MINUTE)
    assert (again, first.state, first.due_at) == (first, PageState.OPEN, NOW)
    async with store.read() as tx:
        assert await tx.of(PageRepository).due(NOW) == (first.id,)


async def test_a_page_that_was_rolled_back_was_never_asked_for(store: Store) -> None:
    async def fail() -> None:
        async with store.write() as tx:
            await tx.of(PageRepository).request(REQUEST, NOW)
            raise Refused("the incident was not declared")

    with pytest.raises(Refused):
        await fail()
    async with store.read() as tx:
        assert await tx.of(PageRepository).of_subject("inc-x4k2") == ()


async def test_two_replicas_that_ask_at_once_get_the_same_page(store: Store, database_url: str) -> None:
    other = Store(open_engines(database_url))
    ids = set()
    for one in (store, other):
        async with one.write() as tx:
            ids.add((await tx.of(PageRepository).request(REQUEST, NOW)).id)
    await other.close()
    assert len(ids) == 1


async def test_acknowledged_then_ended_and_ended_then_acknowledged(store: Store) -> None:
    async with store.write() as tx:
        pages = tx.of(PageRepository)
        await pages.request(REQUEST, NOW)
        (acknowledged,) = await pages.acknowledge("inc-x4k2", LEE)
        assert str(acknowledged.text) == "@U0LEE acknowledged the page. Nobody else is called."
        assert await pages.acknowledge("inc-x4k2", LEE) == ()
        assert await pages.stop("inc-x4k2", NOW + 2 * MINUTE, "resolved") == ()
        assert await pages.acknowledge("inc-x4k2", LEE) == ()
        (page,) = await pages.of_subject("inc-x4k2")
        assert (page.state, page.acknowledgement, page.due_at) == (PageState.ENDED, LEE, None)
        assert await pages.due(NOW + timedelta(days=1)) == (page.id,)
        await pages.checked(page.id)
        assert await pages.due(NOW + timedelta(days=1)) == ()


async def test_an_open_page_without_a_next_call_is_found(store: Store) -> None:
    async with store.write() as tx:
        pages = tx.of(PageRepository)
        page = await pages.request(REQUEST, NOW)
        assert await pages.forgotten(NOW + MINUTE) == ()
        assert await pages.forgotten(NOW + timedelta(minutes=6)) == (page.id,)
        await pages.stop("inc-x4k2", NOW, "resolved")
        assert await pages.forgotten(NOW + timedelta(minutes=6)) == ()
