"""After an acknowledgement nothing more is sent, and pagers are told once, but never what they said themselves."""

import asyncio

import pytest

from domain.errors import TemporaryError, UnknownOutcome
from domain.paging.pages import PageState
from domain.paging.ways import PageAction
from storage.pages import PageRepository
from storage.store import Store
from tests.harness.paging import PagingHarness, paging_catalogue

TRIGGER, ACKNOWLEDGE, RESOLVE = PageAction.TRIGGER, PageAction.ACKNOWLEDGE, PageAction.RESOLVE


@pytest.fixture
def harness(store: Store) -> PagingHarness:
    return PagingHarness(store, paging_catalogue())


async def test_acknowledged_before_anything_was_sent(harness: PagingHarness) -> None:
    await harness.request()
    await harness.acknowledge()
    await harness.work()
    await harness.pass_time(60)
    assert harness.pagerduty.sent + harness.sms.sent + harness.email.sent == []


async def test_acknowledged_here_is_told_to_the_pager_once_and_so_is_the_end(harness: PagingHarness) -> None:
    await harness.request()
    await harness.work()
    for _ in range(2):
        await harness.acknowledge()
        await harness.pass_time(30)
    for _ in range(2):
        await harness.stop()
        await harness.pass_time(30)
    assert harness.pagerduty.actions() == [TRIGGER, ACKNOWLEDGE, RESOLVE]
    assert harness.sms.sent + harness.email.sent == []


async def test_acknowledged_in_the_pager_is_not_told_back_to_it(harness: PagingHarness) -> None:
    page = await harness.request()
    await harness.work()
    for _ in range(3):
        await harness.acknowledge(door="pagerduty", remote_key=page.id)
        await harness.pass_time(30)
    assert harness.pagerduty.actions() == [TRIGGER]
    await harness.stop()
    await harness.work()
    assert harness.pagerduty.actions() == [TRIGGER, RESOLVE]


async def test_ended_without_an_acknowledgement_and_acknowledged_too_late(harness: PagingHarness) -> None:
    await harness.request()
    await harness.work()
    await harness.stop()
    await harness.acknowledge()
    await harness.work()
    page = await harness.page()
    assert (page.state, page.acknowledgement) == (PageState.ENDED, None)
    assert harness.pagerduty.actions() == [TRIGGER, RESOLVE]


async def test_a_pager_that_was_never_reached_is_told_of_no_end(harness: PagingHarness) -> None:
    harness.pagerduty.error = TemporaryError("503")
    await harness.request()
    await harness.work()
    harness.pagerduty.error = None
    await harness.stop()
    await harness.pass_time(30)
    assert TRIGGER not in harness.pagerduty.actions()


async def test_a_trigger_that_may_have_arrived_is_not_repeated_after_the_end_and_the_end_is_told(harness: PagingHarness) -> None:
    harness.pagerduty.errors, harness.pagerduty.accepts_before_error = [UnknownOutcome("timeout")], True
    await harness.request()
    await harness.work()
    await harness.stop()
    await harness.pass_time(30)
    assert harness.pagerduty.actions() == [TRIGGER, RESOLVE]


async def test_what_is_being_sent_just_then_may_arrive_and_that_is_said(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue({"whom": ["oncall"], "ways": ["sms"], "wait_minutes": 1, "tries": 5}))
    stopped: list[str] = []

    async def acknowledge_meanwhile() -> None:
        async with store.write() as tx:
            notes = await tx.of(PageRepository).stop("inc-x4k2", harness.clock.now(), "resolved")
            stopped.extend(str(note.text) for note in notes)

    harness.sms.before_send = acknowledge_meanwhile
    await harness.request()
    await harness.work()
    await harness.pass_time(30)
    assert len(harness.sms.sent) == 1
    assert stopped == [
        "Nobody is called any more: resolved.",
        "Already on its way, and may still arrive: ana by sms.",
    ]


async def test_an_acknowledgement_between_the_call_and_the_claim_wins(harness: PagingHarness) -> None:
    page = await harness.request()
    await harness.processor.process(page.id)
    await harness.acknowledge()
    await harness.work()
    assert harness.pagerduty.sent == []


async def test_acknowledgements_and_claims_that_race_send_nothing_after_the_commit(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue({"whom": ["oncall"], "ways": ["sms"], "wait_minutes": 1}))
    sent_after: list[str] = []
    committed: set[str] = set()
    pages = [await harness.request(f"inc-{number}", cause="", is_test=True) for number in range(20)]
    subjects = {page.id: page.subject for page in pages}
    for page in pages:
        await harness.processor.process(page.id)

    async def acknowledge_all() -> None:
        for page in pages:
            await harness.acknowledge(page.subject)
            committed.add(page.subject)

    original = harness.sender.send

    async def send(claimed: object) -> None:
        subject = subjects[claimed.message.page_id]  # type: ignore[attr-defined]
        if subject in committed_at_claim[-1]:
            sent_after.append(subject)
        await original(claimed)  # type: ignore[arg-type]

    committed_at_claim: list[set[str]] = [set()]

    async def work() -> None:
        for _ in range(60):
            committed_at_claim.append(set(committed))
            async with asyncio.TaskGroup() as sends:
                claimed = await harness.worker._claim(harness.clock.now())
                if claimed is not None:
                    sends.create_task(send(claimed))

    await asyncio.gather(acknowledge_all(), work())
    assert sent_after == []


async def test_everybody_confirms_for_themselves(store: Store) -> None:
    step = {"whom": ["oncall", "lead"], "ways": ["sms"], "wait_minutes": 5, "tries": 3, "everybody_confirms": True}
    harness = PagingHarness(store, paging_catalogue(step))
    await harness.request()
    await harness.work()
    await harness.acknowledge(name="ana")
    page = await harness.page()
    assert (page.state, [each.name for each in page.confirmations]) == (PageState.OPEN, ["ana"])
    await harness.pass_time(5)
    assert harness.sms.triggers() == ["+491700000001", "+491700000003", "+491700000003"]
    await harness.acknowledge(name="mia")
    await harness.pass_time(30)
    assert (await harness.page()).state is PageState.ACKNOWLEDGED
    assert len(harness.sms.sent) == 3
