"""Direct messages in Slack: through the outbox, edited when somebody has it, replaced by another way when Slack is down."""

import pytest

from domain.paging.pages import PageCall
from storage.outbox import Outbox, OutboxRow, RateLimits
from storage.page_cards import PAGE_CALL
from storage.page_messages import PageMessageRepository
from storage.store import Store
from tests.harness.families import load, render_text
from tests.harness.paging import PagingHarness, paging_catalogue

SLACK_THEN_SMS = {"whom": ["oncall"], "ways": ["slack", "sms"], "wait_minutes": 30}
FAST = RateLimits()


@pytest.fixture
def harness(store: Store) -> PagingHarness:
    return PagingHarness(store, paging_catalogue(SLACK_THEN_SMS))


async def claim(harness: PagingHarness) -> OutboxRow | None:
    async with harness.store.write() as tx:
        return await tx.outbox.claim("replica-1", harness.clock.now(), FAST)


async def deliver(harness: PagingHarness, row: OutboxRow) -> None:
    at = harness.clock.now()
    async with harness.store.write() as tx:
        assert await tx.of(Outbox).mark_delivered(row, "D0ANA", f"{row.id}.0", at)
        await tx.of(PageMessageRepository).delivered_by_outbox(row.key, at)


def text_of(row: OutboxRow) -> str:
    return render_text(load(row.kind, row.version, row.fact))


async def test_it_is_delivered_once_it_is_in_slack_and_then_edited(harness: PagingHarness) -> None:
    page = await harness.request()
    await harness.work()
    row = await claim(harness)
    assert row is not None
    assert (row.kind, row.channel) == (PAGE_CALL.name, "U0ANA")
    assert f"/deepecho ack {page.id}" in text_of(row)
    assert harness.said()[-1] == "Call 1 of 1: ana."
    await deliver(harness, row)
    await harness.work()
    assert harness.said()[-1] == "Slack to ana delivered."
    await harness.acknowledge()
    edited = await claim(harness)
    assert edited is not None
    assert (edited.ts, "acknowledged by @U0LEE" in text_of(edited)) == (f"{row.id}.0", True)
    assert harness.sms.sent == []


async def test_while_slack_is_down_the_next_way_is_used_within_seconds(harness: PagingHarness) -> None:
    await harness.request()
    await harness.work()
    await harness.pass_time(0.3)
    assert harness.sms.triggers() == ["+491700000001"]
    assert "Slack to ana did not work yet: Slack has not taken it yet. The next way is used; this one is tried again." in (
        harness.said()
    )
    row = await claim(harness)
    assert row is not None
    await deliver(harness, row)
    await harness.work()
    assert harness.said()[-1] == "Slack to ana delivered."
    assert len(harness.sms.sent) == 1


async def test_what_slack_has_not_taken_is_not_sent_after_the_end(harness: PagingHarness) -> None:
    await harness.request()
    await harness.work()
    await harness.stop()
    assert await claim(harness) is None
    await harness.pass_time(60)
    assert harness.sms.sent == []


async def test_a_message_that_slack_refuses_for_good_is_replaced(harness: PagingHarness) -> None:
    await harness.request()
    await harness.work()
    row = await claim(harness)
    assert row is not None
    async with harness.store.write() as tx:
        await tx.outbox.mark_failed(row, "user_not_found", harness.clock.now())
    await harness.pass_time(0.3)
    assert harness.sms.triggers() == ["+491700000001"]
    assert "Slack to ana failed: user_not_found" in harness.said()


async def test_pages_leave_before_a_hundred_cards(harness: PagingHarness) -> None:
    page = await harness.request()
    await harness.work()
    fact = load(*await _newest(harness))
    assert isinstance(fact, PageCall)
    assert fact.page.id == page.id


async def _newest(harness: PagingHarness) -> tuple[str, int, str]:
    row = await claim(harness)
    assert row is not None
    return row.kind, row.version, row.fact
