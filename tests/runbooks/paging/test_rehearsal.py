"""Rehearsals: by every real way, marked TEST, once a week at a fair hour, with a report in any case."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue.paging import PageTestConfig
from domain.catalogue.zones import Weekday
from domain.errors import PermanentError
from domain.paging.pages import PageState
from domain.paging.rehearsals import next_rehearsal
from runbooks.paging.rehearsal import REPORT, WEEKLY, RehearsalService
from storage.outbox import OutboxRow, RateLimits
from storage.page_cards import REHEARSAL_REPORT
from storage.store import Store
from storage.timers import Timer
from tests.harness.families import load, render_text
from tests.harness.paging import PagingHarness, paging_catalogue, paging_service
from tests.harness.samples.team import RAY

TEST = {"channel": "C0TEST", "weekday": "tue", "at": "10:30", "zone": "Europe/Berlin"}


@pytest.fixture
def harness(store: Store) -> PagingHarness:
    return PagingHarness(store, paging_catalogue(test=TEST))


def rehearsals_of(harness: PagingHarness) -> RehearsalService:
    service = RehearsalService(
        store=harness.store,
        clock=harness.clock,
        catalogue=lambda: harness.catalogue,
        paging=paging_service(harness),
        notify_outbox=lambda: None,
    )
    harness.listeners.on_acknowledged.append(service.on_acknowledged)
    return service


async def run_due(harness: PagingHarness, service: RehearsalService) -> list[Timer]:
    async with harness.store.read() as tx:
        due = await tx.timers.due(harness.clock.now())
    for timer in due:
        await service.handlers[timer.kind](timer, harness.clock.now())
    return list(due)


async def report(harness: PagingHarness) -> str:
    """What the report says that waits in the outbox, behind the card of the rehearsal."""
    while True:
        at = harness.clock.now()
        async with harness.store.write() as tx:
            row: OutboxRow | None = await tx.outbox.claim("replica-1", at, RateLimits())
            assert row is not None
            await tx.outbox.mark_delivered(row, "C0TEST", f"{row.id}.0", at)
        harness.clock.advance(timedelta(seconds=2))
        if row.kind == REHEARSAL_REPORT.name:
            return render_text(load(row.kind, row.version, row.fact))


async def test_every_way_is_used_at_once_marked_as_a_test_and_the_answer_is_reported(harness: PagingHarness) -> None:
    service = rehearsals_of(harness)
    page = await service.start("platform", "envelope-1", RAY)
    await harness.work()
    sent = [message for way in (harness.pagerduty, harness.sms, harness.email) for message, _ in way.sent]
    assert [message.is_test for message in sent] == [True, True, True]
    harness.clock.advance(timedelta(seconds=41))
    await paging_service(harness).acknowledge(page.id, RAY, "envelope-2")
    harness.clock.advance(timedelta(seconds=6))
    await run_due(harness, service)
    text = await report(harness)
    assert "The rehearsal of platform worked." in text
    assert "SMS to ana: accepted by the service after 0.0 s" in text
    assert "acknowledged by @U0RESPONDER after 41.0 s" in text
    assert (await harness.page(page.subject)).state is PageState.ENDED
    assert "lead" not in str(harness.said())


async def test_what_does_not_work_and_who_does_not_answer_is_reported_too(harness: PagingHarness) -> None:
    service = rehearsals_of(harness)
    harness.sms.error = PermanentError("the account is in the sandbox")
    await service.start("platform", "envelope-1", RAY)
    await harness.work()
    harness.clock.advance(timedelta(minutes=11))
    await run_due(harness, service)
    text = await report(harness)
    assert "The rehearsal of platform did not work." in text
    assert "SMS to ana: failed: the account is in the sandbox" in text
    assert "nobody acknowledged within 11 min" in text


async def test_once_a_week_by_itself_and_once_though_it_is_late_and_tried_twice(harness: PagingHarness) -> None:
    service = rehearsals_of(harness)
    await service.schedule()
    await service.schedule()
    assert await run_due(harness, service) == []
    harness.clock.advance(timedelta(days=1))
    weekly = [timer for timer in await run_due(harness, service) if timer.kind == WEEKLY]
    assert [timer.subject for timer in weekly] == ["2026-11-24"]
    await service.handlers[WEEKLY](weekly[0], harness.clock.now())
    await harness.work()
    assert len(harness.sms.sent) == 1
    async with harness.store.read() as tx:
        later = await tx.timers.due(harness.clock.now() + timedelta(days=7))
    assert {timer.kind for timer in later} == {WEEKLY, REPORT}


@given(
    st.sampled_from(["Europe/Berlin", "America/Chicago", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 -- given its zone below
    st.sampled_from(list(Weekday)),
)
def test_it_is_always_that_weekday_and_hour_on_the_wall_clock(zone: str, naive: datetime, weekday: Weekday) -> None:
    config = PageTestConfig.model_validate(TEST | {"zone": zone, "weekday": weekday, "at": "10:30"})
    after = naive.replace(tzinfo=UTC)
    due = next_rehearsal(config, after)
    assert due is not None
    due_at, day = due
    local = due_at.astimezone(ZoneInfo(zone))
    assert (local.weekday(), f"{local:%H:%M}", local.date()) == (weekday.number, "10:30", day)
    assert timedelta() < due_at - after <= timedelta(days=7, hours=1)
