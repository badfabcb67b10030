"""The end of a silence is named to its owner before it comes, and once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from runbooks.alerts.service import AlertRequest, AlertService
from storage.store import Store
from tests.harness.alerts import AlertsHarness, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        await opened.receive(notification(alert("a", labels={"environment": "production"})))
        yield opened


async def silenced(harness: AlertsHarness, span: timedelta) -> AlertService:
    alertmanager = MemoryAlertmanager(harness.clock)
    service = AlertService(
        store=harness.store,
        clock=harness.clock,
        catalogue=lambda: harness.catalogue,
        alertmanager=lambda *_: alertmanager,
        notify_outbox=lambda: None,
    )
    group = await harness.group()
    await service.silence(AlertRequest(group=group.id, by=ANA, source="1"), span, "")
    return service


async def reminders(harness: AlertsHarness) -> list[str]:
    return [each for each in await harness.notes() if "your silence ends" in each]


async def test_the_owner_is_named_a_quarter_of_an_hour_before_the_end_and_once(harness: AlertsHarness) -> None:
    await silenced(harness, 120 * MINUTE)
    harness.clock.advance(104 * MINUTE)
    assert await harness.fire_due_timers() == []
    harness.clock.advance(MINUTE)
    (timer,) = await harness.due_timers()
    both = (harness.handlers[timer.kind](timer, harness.clock.now()) for _ in range(2))
    await asyncio.gather(*both)
    first, *others = await reminders(harness)
    assert first.startswith(f"@{ANA.person.user_id}, your silence ends at ")
    assert "1 alert of it that still fires will notify again" in first
    assert others == []
    harness.clock.advance(15 * MINUTE)
    assert await harness.fire_due_timers() == ["alert-unsilence"]


async def test_a_short_silence_is_named_after_three_quarters_of_its_time(harness: AlertsHarness) -> None:
    await silenced(harness, 8 * MINUTE)
    harness.clock.advance(5 * MINUTE)
    assert await harness.fire_due_timers() == []
    harness.clock.advance(MINUTE)
    assert await harness.fire_due_timers() == ["alert-silence-ending"]
    assert len(await reminders(harness)) == 1


async def test_one_that_was_ended_is_not_named(harness: AlertsHarness) -> None:
    service = await silenced(harness, 60 * MINUTE)
    await service.unsilence(AlertRequest(group=(await harness.group()).id, by=ANA, source="2"))
    harness.clock.advance(50 * MINUTE)
    assert await harness.fire_due_timers() == []
    assert await reminders(harness) == []


async def test_after_an_outage_that_outlasted_it_only_its_end_is_said(harness: AlertsHarness) -> None:
    await silenced(harness, 60 * MINUTE)
    harness.clock.advance(300 * MINUTE)
    assert sorted(await harness.fire_due_timers()) == ["alert-silence-ending", "alert-unsilence"]
    assert await reminders(harness) == []
    assert "is over" in (await harness.notes())[-1]
